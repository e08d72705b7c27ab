"""What a schema cannot say of our manifests.  A rule is a function of all the
documents of a build that yields what it finds; its name is that of the rule.
defects.py has for each rule something that it must find."""

import ipaddress
import re

TOKEN_SECONDS = (600, 3600)		# the least that Kubernetes gives, the most that we want
SECRET_FILES = re.compile(r'^(.*_)?(token|secret|secret_id|jwt|pin|credentials|password)_file$')
SECRETS = {
	'a private key or certificate': r'-----BEGIN ',
	'a JWT': r'\beyJ[\w-]{8,}\.[\w-]+\.',
	'a token of Vault': r'\b(hv[sbr]|s|b)\.[A-Za-z0-9_-]{20,}',
	'an access key of AWS': r'\b(AKIA|ASIA)[A-Z0-9]{16}\b',
	'a password in an address': r'://[^/\s:@]+:[^/\s@]+@',
	'a password in SQL': r'(?i)\bpassword\b\s+\'',
}


def of_kind(documents, kind):
	return [document for document in documents if document['kind'] == kind]


def walk(value, path=()):
	"""Each scalar with the keys that lead to it."""

	if isinstance(value, dict):
		for key, inner in value.items():
			yield from walk(inner, path + (key,))
	elif isinstance(value, list):
		for index, inner in enumerate(value):
			yield from walk(inner, path + (index,))
	else:
		yield path, value


def label(document):
	return f'{document["kind"]} {document["metadata"]["name"]}'


def images_are_digests(documents, released=False):
	for document in documents:
		for path, value in walk(document):
			if path[-1] not in ('image', 'imageName', 'reference'):
				continue
			digest = re.fullmatch(r'[^@\s]+@sha256:([0-9a-f]{64})', str(value))
			if not digest:
				yield f'{label(document)}: {value} has no digest'
			elif released and digest[1] == '0' * 64:
				yield f'{label(document)}: the digest of {value} was not filled in'
	for cluster in of_kind(documents, 'Cluster'):
		if 'imageName' not in cluster['spec'] or 'imageCatalogRef' in cluster['spec']:
			yield f'{label(cluster)}: its image is not said here'


def no_secret_is_literal(documents):
	for document in documents:
		if document['kind'] in ('Secret', 'ConfigMap'):
			yield f'{label(document)}: it is made elsewhere, and only named here'
		for path, value in walk(document):
			for what, pattern in SECRETS.items():
				if re.search(pattern, str(value)):
					yield f'{label(document)}: {"/".join(map(str, path))}: {what}'
		if document['kind'] == 'Cluster' and {'env', 'envFrom'} & set(document['spec']):
			yield f'{label(document)}: an environment, which anybody in the pod can read'


def namespaces_deny_by_default(documents):
	names = {document['metadata']['name'] for document in of_kind(documents, 'Namespace')}
	for document in documents:
		if document['kind'] != 'Namespace' and document['metadata'].get('namespace') not in names:
			yield f'{label(document)}: it is in no namespace of ours'
	for name in names:
		if not any(policy['metadata'].get('namespace') == name and policy['spec'] == {
				'podSelector': {}, 'policyTypes': ['Ingress', 'Egress']} for policy in of_kind(documents, 'NetworkPolicy')):
			yield f'Namespace {name}: nothing is denied by default'


def namespaces_are_confined(documents):
	for namespace in of_kind(documents, 'Namespace'):
		name = namespace['metadata']['name']
		if namespace['metadata'].get('labels', {}).get('pod-security.kubernetes.io/enforce') != 'restricted':
			yield f'Namespace {name}: pods need not be restricted ones'
		for kind in ('ResourceQuota', 'LimitRange'):
			if not of_kind(documents, kind):
				yield f'Namespace {name}: it has no {kind}'
		if not any(account['metadata']['name'] == 'default' and account.get('automountServiceAccountToken') is False
				for account in of_kind(documents, 'ServiceAccount')):
			yield f'Namespace {name}: pods get a token without asking'


def policies_are_narrow(documents):
	for policy in of_kind(documents, 'NetworkPolicy'):
		for direction, end in (('Ingress', 'from'), ('Egress', 'to')):
			rules = policy['spec'].get(direction.lower(), [])
			if rules and direction not in policy['spec']['policyTypes']:
				yield f'{label(policy)}: its {direction.lower()} counts for nothing'
			for rule in rules:
				if not rule.get(end) or not rule.get('ports'):
					yield f'{label(policy)}: {direction.lower()} for all peers or all ports'
				for peer in rule.get(end, []):
					yield from (f'{label(policy)}: {what}' for what in too_wide(peer, direction))


def too_wide(peer, direction):
	block = peer.get('ipBlock')
	if block:
		network = ipaddress.ip_network(block['cidr'])
		metadata = ipaddress.ip_network('169.254.0.0/16')
		if direction == 'Ingress' and network.prefixlen < 8:
			yield f'from {network}'
		if network.overlaps(metadata) and not any(metadata.subnet_of(ipaddress.ip_network(inner))
				for inner in block.get('except', [])):
			yield f'{network} has the metadata service of the machine in it'
	elif not peer.get('podSelector', {}).get('matchLabels'):
		yield 'any pod of a namespace'


def needed_ways_are_open(documents):
	"""A policy that is missing shows when it is too late: at a fail-over."""

	policies = [policy['spec'] for policy in of_kind(documents, 'NetworkPolicy')]
	instances = {'matchLabels': {'cnpg.io/cluster': 'pg'}}
	operator = {'namespaceSelector': {'matchLabels': {'kubernetes.io/metadata.name': 'cnpg-system'}},
		'podSelector': {'matchLabels': {'app.kubernetes.io/name': 'cloudnative-pg'}}}

	def open_ports(selectors, direction, wanted):
		end = {'ingress': 'from', 'egress': 'to'}[direction]
		return {port['port'] for policy in policies if policy['podSelector'] in selectors
			for rule in policy.get(direction, []) if any(map(wanted, rule.get(end, [])))
			for port in rule.get('ports', [])}

	ways = {
		'the operator to instances': ({5432, 8000}, open_ports([instances], 'ingress', lambda peer: peer == operator)),
		'instances from each other': ({5432, 8000}, open_ports([instances], 'ingress', lambda peer: peer == {'podSelector': instances})),
		'instances to each other': ({5432, 8000}, open_ports([instances], 'egress', lambda peer: peer == {'podSelector': instances})),
		'instances to names': ({53}, open_ports([instances, {}], 'egress', lambda peer: 'namespaceSelector' in peer)),
		"instances to Kubernetes' API": ({6443}, open_ports([instances], 'egress', lambda peer: 'ipBlock' in peer)),
		'clients to instances': ({5432}, open_ports([instances], 'ingress', lambda peer: 'app.kubernetes.io/component' in
			peer.get('podSelector', {}).get('matchLabels', {}))),
		'instances to KMSs': (set(kms_ports(documents)), open_ports([instances], 'egress', lambda peer: 'ipBlock' in peer)),
	}
	for way, (needed, there) in ways.items():
		for port in sorted(needed - there):
			yield f'no way for {way}, port {port}'


def server_options(documents):
	for database in of_kind(documents, 'Database'):
		for server in database['spec'].get('servers', []):
			yield server, {option['name']: option['value'] for option in server['options']}


def kms_ports(documents):
	for _, options in server_options(documents):
		yield int(re.search(r'(?::(\d+))?/?$', options.get('address', ''))[1] or 443)


def projected(documents):
	"""Files of the pod by their paths, each with its source."""

	for cluster in of_kind(documents, 'Cluster'):
		for source in cluster['spec'].get('projectedVolumeTemplate', {}).get('sources', []):
			for kind, what in source.items():
				for item in [what] if kind == 'serviceAccountToken' else what.get('items', []):
					yield f'/projected/{item["path"]}', kind, what


def tokens_are_bound(documents):
	tokens = {}
	for path, kind, what in projected(documents):
		if kind != 'serviceAccountToken':
			continue
		tokens[path] = what
		audience = what.get('audience', '')
		if not audience or 'kubernetes.default' in audience:
			yield f"{path}: a token for Kubernetes' own API"
		if not TOKEN_SECONDS[0] <= what.get('expirationSeconds', 3601) <= TOKEN_SECONDS[1]:
			yield f'{path}: it counts for too long, or too short a time'
	audiences = [what.get('audience') for what in tokens.values()]
	if len(set(audiences)) != len(audiences):
		yield 'two tokens are for one audience'
	if not tokens:
		yield 'a server that is nobody to its KMS'


def kms_files_are_there(documents):
	files = {path: kind for path, kind, _ in projected(documents)}
	used = []
	for server, options in server_options(documents):
		if server['fdw'] != 'bionic_crypt':
			yield f'server {server["name"]}: it is no KMS server'
		for name, value in options.items():
			if name.endswith('_file') and value not in files:
				yield f'server {server["name"]}: {name}: {value} is not in the pod'
			elif SECRET_FILES.match(name):
				used.append(value)
				if files[value] == 'configMap':
					yield f'server {server["name"]}: {name} is no secret there'
	if len(set(used)) != len(used):
		yield 'two servers show the same token'
	for path, kind in files.items():
		if kind == 'serviceAccountToken' and path not in used:
			yield f'{path}: a token that nobody needs'
	# Otherwise it is a key file on one volume, which a standby does not have.
	for cluster in of_kind(documents, 'Cluster'):
		default = cluster['spec'].get('postgresql', {}).get('parameters', {}).get('bionic_crypt.default_kms')
		if default not in [server['name'] for server, _ in server_options(documents)]:
			yield f'bionic_crypt.default_kms is {default}, which is no server of the manifest'
	for server, options in server_options(documents):
		if options.get('provider') == 'file':
			yield f'server {server["name"]}: a key file on one volume'


def server_is_protected(documents, settings=(), version=None):
	clusters = of_kind(documents, 'Cluster')
	if len(clusters) != 1 or clusters[0]['metadata']['name'] != 'pg':
		yield 'there is no one cluster pg, which the policies are for'
	for cluster in clusters:
		spec = cluster['spec']
		postgresql = spec.get('postgresql', {})
		parameters = postgresql.get('parameters', {})
		if 'bionic_crypt' not in postgresql.get('shared_preload_libraries', []):
			yield 'the library is not preloaded'
		if spec.get('enableSuperuserAccess') is not False or 'superuserSecret' in spec:
			yield 'a superuser has a password'
		if postgresql.get('enableAlterSystem') is not False:
			yield 'settings can be changed from within'
		if 'hostnossl all all all reject' not in postgresql.get('pg_hba', [])[:1]:
			yield 'connections need no TLS'
		for name in ('allow_local_kms', 'allow_core_dumps'):
			if parameters.get(f'bionic_crypt.{name}') != 'off':
				yield f'bionic_crypt.{name} is not off'
		for name in parameters:
			if name.startswith('bionic_crypt.') and settings and name not in settings:
				yield f'{name} is no setting'
		for role in spec.get('managed', {}).get('roles', []):
			if role.get('superuser') or role.get('bypassrls') or role.get('replication') or role.get('inRoles'):
				yield f'role {role["name"]} may more than a client'
		has_image = any(extension['name'] == 'bionic_crypt' for extension in postgresql.get('extensions', []))
		major = re.search(r':(\d+)', spec.get('imageName', ''))
		if has_image != bool(major and int(major[1]) >= 18):
			yield 'the image of the extension is for 18, and for 18 it is needed'
		for extension in postgresql.get('extensions', []):
			if extension['name'] == 'bionic_crypt' and extension.get('ld_library_path') != ['system']:
				yield 'the libraries beside ours are not found'
		if spec.get('seccompProfile', {}).get('type') != 'RuntimeDefault':
			yield 'no seccomp profile'
	databases = of_kind(documents, 'Database')
	if not any(extension['name'] == 'bionic_crypt' and (version is None or extension.get('version') == version)
			for database in databases for extension in database['spec'].get('extensions', [])):
		yield f'no database has the extension, version {version}'
	if any(database['spec'].get('databaseReclaimPolicy') != 'retain' for database in databases):
		yield 'a database goes with its manifest'


def confidential_nodes_are_required(documents):
	"""Where an overlay says confidential, a pod must not land elsewhere."""

	for cluster in of_kind(documents, 'Cluster'):
		affinity = cluster['spec'].get('affinity', {})
		terms = affinity.get('nodeAffinity', {})
		if 'preferredDuringSchedulingIgnoredDuringExecution' in terms:
			yield 'confidential nodes are only preferred'
		for term in terms.get('requiredDuringSchedulingIgnoredDuringExecution', {}).get('nodeSelectorTerms', []):
			for expression in term['matchExpressions']:
				if expression['operator'] != 'In' or 'SEV' in expression['values']:
					yield f'{expression["key"]}: plain SEV would do'


RULES = [images_are_digests, no_secret_is_literal, namespaces_deny_by_default, namespaces_are_confined, policies_are_narrow,
	needed_ways_are_open, tokens_are_bound, kms_files_are_there, server_is_protected, confidential_nodes_are_required]
