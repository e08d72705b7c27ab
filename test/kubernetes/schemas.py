"""The schemas of the kinds that we use: CloudNativePG's own for its resources,
where they are here, core.yaml for the others.  All are closed: a field that a
schema does not name is refused, unless the schema says that anything goes."""

import ipaddress
import os

import jsonschema
import yaml

formats = jsonschema.FormatChecker(formats=())


@formats.checks('ipv4-network', raises=ValueError)
def is_network(value):
	return bool(ipaddress.IPv4Network(value))


def close(schema):
	"""Structural schemas of Kubernetes have no other way to describe fields."""

	if isinstance(schema, dict):
		if 'properties' in schema and not schema.get('x-kubernetes-preserve-unknown-fields'):
			schema.setdefault('additionalProperties', False)
		for value in schema.values():
			close(value)
	elif isinstance(schema, list):
		for value in schema:
			close(value)


def add_header(schema, version, kind):
	schema['properties'].update(apiVersion={'enum': [version]}, kind={'enum': [kind]})
	schema['required'] = sorted({'apiVersion', 'kind', 'metadata', *schema.get('required', [])})
	schema['type'] = 'object'


class Schemas:
	def __init__(self, folder):
		"""The folder has the custom resource definitions, or is None."""

		here = os.path.dirname(os.path.abspath(__file__))
		with open(f'{here}/core.yaml', encoding='utf-8') as file:
			core = yaml.safe_load(file)
		close(core)
		self.by_kind = {}
		for name, schema in core['kinds'].items():
			version, kind = name.rsplit('/', 1)
			add_header(schema, version, kind)
			self.by_kind[name] = {**schema, 'definitions': core['definitions']}
		self.has_crds = folder is not None
		for name in ('clusters', 'databases') if folder else ():
			with open(f'{folder}/postgresql.cnpg.io_{name}.yaml', encoding='utf-8') as file:
				self.add_crd(yaml.safe_load(file), core['definitions'])

	def add_crd(self, crd, definitions):
		group, kind = crd['spec']['group'], crd['spec']['names']['kind']
		for version in crd['spec']['versions']:
			schema = version['schema']['openAPIV3Schema']
			close(schema)
			schema['properties']['metadata'] = {'$ref': '#/definitions/metadata'}
			del schema['properties']['status']	# the operator's to write
			add_header(schema, f'{group}/{version["name"]}', kind)
			self.by_kind[f'{group}/{version["name"]}/{kind}'] = {**schema, 'definitions': definitions}

	def findings(self, document):
		kind = f'{document.get("apiVersion")}/{document.get("kind")}'
		if kind not in self.by_kind:
			if kind.startswith('postgresql.cnpg.io/v1/') and not self.has_crds:
				return []
			return [f'{kind} is no kind that we use']
		validator = jsonschema.Draft7Validator(self.by_kind[kind], format_checker=formats)
		return [f'{document["kind"]} {document["metadata"]["name"]}: {"/".join(map(str, error.absolute_path))}: {error.message}'[:300]
			for error in validator.iter_errors(document)]
