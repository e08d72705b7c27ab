"""The part of kustomize that deploy/kubernetes uses, and nothing more: what
else a kustomization says is refused, so that nothing is left out silently.
Where a kubectl with kustomize 5 is here, validate compares the two."""

import os

import yaml


class Refused(Exception):
	pass


class Loader(yaml.SafeLoader):
	"""YAML in which a key stands once: a second one would win in silence."""

	def construct_mapping(self, node, deep=False):
		keys = [self.construct_object(key) for key, _ in node.value]
		twice = {str(key) for key in keys if keys.count(key) > 1}
		if twice:
			raise Refused(f'{node.start_mark.name}: {", ".join(sorted(twice))} stands twice')
		return super().construct_mapping(node, deep)


def load(path):
	with open(path, encoding='utf-8') as file:
		documents = list(yaml.load_all(file, Loader))
	if not documents or not all(isinstance(document, dict) for document in documents):
		raise Refused(f'{path}: a document is empty, or no mapping')
	return documents


def name_of(document):
	return document['kind'], document['metadata']['name']


def merge(target, patch):
	"""RFC 7386, which is what kustomize does with lists and nulls of the kinds
	that are patched here."""

	for key, value in patch.items():
		if value is None:
			target.pop(key, None)
		elif isinstance(value, dict):
			if not isinstance(target.get(key), dict):
				target[key] = {}
			merge(target[key], value)
		else:
			target[key] = value


def apply_patch(documents, patch, path):
	if patch['kind'] not in ('Cluster', 'Database', 'NetworkPolicy'):
		raise Refused(f'{path}: patches of {patch["kind"]} are not supported')
	there = [document for document in documents if name_of(document) == name_of(patch)]
	if len(there) != 1:
		raise Refused(f'{path}: {len(there)} documents are {" ".join(name_of(patch))}')
	merge(there[0], patch)


def set_namespace(documents, namespace):
	for document in documents:
		key = 'name' if document['kind'] == 'Namespace' else 'namespace'
		document['metadata'][key] = namespace


def build(folder, documents=None):
	"""The documents of a kustomization; a component is given those that it
	changes."""

	path = os.path.join(folder, 'kustomization.yaml')
	wanted = {'Kustomization': 'v1beta1', 'Component': 'v1alpha1'}
	what, *more = load(path)
	unknown = set(what) - {'apiVersion', 'kind', 'namespace', 'resources', 'components', 'patches'}
	if more or unknown:
		raise Refused(f'{path}: {", ".join(sorted(unknown)) or "a second document"} is not supported')
	if what.get('kind') != ('Kustomization' if documents is None else 'Component') or \
			what['apiVersion'] != 'kustomize.config.k8s.io/' + wanted[what['kind']]:
		raise Refused(f'{path}: its kind or apiVersion is another one')

	documents = list(documents or [])
	for name in what.get('resources', []):
		resource = os.path.join(folder, name)
		documents += build(resource) if os.path.isdir(resource) else load(resource)
	names = [name_of(document) for document in documents]
	twice = sorted({' '.join(name) for name in names if names.count(name) > 1})
	if twice:
		raise Refused(f'{path}: {", ".join(twice)} is there twice')

	for name in what.get('components', []):
		documents = build(os.path.join(folder, name), documents)
	for patch in what.get('patches', []):
		if set(patch) != {'path'}:
			raise Refused(f'{path}: a patch is a path and nothing else')
		for document in load(os.path.join(folder, patch['path'])):
			apply_patch(documents, document, patch['path'])
	if 'namespace' in what:
		set_namespace(documents, what['namespace'])
	return documents
