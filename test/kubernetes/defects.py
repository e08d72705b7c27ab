"""What must be refused: a change to the documents of an overlay, and the words
of the finding that it must give.  A rule without a defect is a rule that may
never find anything, and validate says so."""

OVERLAY = 'pooled'		# it has the most in it
DIGEST = '@sha256:' + '1' * 64


def find(documents, kind, name):
	return next(document for document in documents if (document['kind'], document['metadata']['name']) == (kind, name))


def at(kind, name, *path, **change):
	"""Sets what is at the end of the path, appends to it or removes it."""

	def apply(documents):
		target = find(documents, kind, name)
		for key in path[:-1]:
			target = target[key]
		if 'append' in change:
			target[path[-1]].append(change['append'])
		elif 'value' in change:
			target[path[-1]] = change['value']
		else:
			del target[path[-1]]
	return apply


def without(kind, name):
	return lambda documents: documents.remove(find(documents, kind, name))


def added(document):
	return lambda documents: documents.append(document)


def cluster(*path, **change):
	return at('Cluster', 'pg', 'spec', *path, **change)


def database(*path, **change):
	return at('Database', 'app', 'spec', *path, **change)


def policy(name, *path, **change):
	return at('NetworkPolicy', name, 'spec', *path, **change)


def source(index, *path, **change):
	return cluster('projectedVolumeTemplate', 'sources', index, *path, **change)


def extra(kind, **fields):
	return {'apiVersion': 'v1', 'kind': kind, 'metadata': {'name': 'extra', 'namespace': 'saas'}, **fields}


EVERYWHERE = {'to': [{'ipBlock': {'cidr': '0.0.0.0/0'}}]}
HTTPS = {'ports': [{'protocol': 'TCP', 'port': 443}]}

# crd: it takes CloudNativePG's schemas.
SCHEMA = [
	('a misspelt field of a Namespace', 'core', at('Namespace', 'saas', 'metadata', 'lables', value={}), 'lables'),
	('a misspelt field of a rule', 'core', policy('pg-https', 'egress', 0, 'port', value=443), "'port' was unexpected"),
	('a port that is no number', 'core', policy('pg-https', 'egress', 0, 'ports', 0, 'port', value='https'), 'is not of type'),
	('a CIDR with bits of a host', 'core', policy('pg-https', 'egress', 0, 'to', 0, 'ipBlock', 'cidr', value='10.1.2.3/8'), 'ipv4-network'),
	('a label that none can be', 'core', at('Namespace', 'saas', 'metadata', 'labels', 'a b', value='c'), 'a b'),
	('a quota that does not exist', 'core', at('ResourceQuota', 'tenant', 'spec', 'hard', 'podz', value='1'), 'podz'),
	('a kind that we do not use', 'core', added(extra('Pod', spec={})), 'v1/Pod is no kind that we use'),
	('an API version that is over', 'core', at('NetworkPolicy', 'dns', 'apiVersion', value='extensions/v1beta1'), 'is no kind that we use'),
	('a misspelt field of a Cluster', 'crd', cluster('enableSuperUserAccess', value=False), 'enableSuperUserAccess'),
	('a misspelt field deep in a Cluster', 'crd', source(0, 'serviceAccountToken', 'audiences', value=['a']), 'audiences'),
	('a Cluster without instances', 'crd', cluster('instances'), 'instances'),
	('a setting that is no string', 'crd', cluster('postgresql', 'parameters', 'max_worker_processes', value=16), 'is not of type'),
	('an extension whose name cannot be mounted', 'crd', cluster('postgresql', 'extensions', 0, 'name', value='Bionic_Crypt'), 'does not match'),
	('a runtime class, which a Cluster does not have', 'crd', cluster('runtimeClassName', value='kata'), 'runtimeClassName'),
	('a misspelt field of a Database', 'crd', database('server', value=[]), "'server' was unexpected"),
	('an option without a value', 'crd', database('servers', 0, 'options', 0, 'value'), 'value'),
	('a reclaim policy that does not exist', 'crd', database('databaseReclaimPolicy', value='keep'), 'is not one of'),
]

RULES = [
	('an image by its tag', 'images_are_digests', cluster('imageName', value='ghcr.io/cloudnative-pg/postgresql:18'), 'has no digest'),
	('a digest that is too short', 'images_are_digests', cluster('imageName', value='a/postgresql:18' + DIGEST[:-1]), 'has no digest'),
	('an extension by its tag', 'images_are_digests', cluster('postgresql', 'extensions', 0, 'image', 'reference', value='a/b:1'), 'has no digest'),
	('an image of a catalog', 'images_are_digests', cluster('imageCatalogRef', value={}), 'is not said here'),
	('a Secret', 'no_secret_is_literal', added(extra('Secret', stringData={'password': 'x'})), 'made elsewhere'),
	('a token of Vault', 'no_secret_is_literal', database('servers', 0, 'options', 0, 'value', value='hvs.' + 'A' * 24), 'token of Vault'),
	('a JWT', 'no_secret_is_literal', at('Cluster', 'pg', 'metadata', 'labels', value={'a': 'eyJhbGciOiJFUzI1NiJ9.eyJ9.c'}), 'a JWT'),
	('a private key', 'no_secret_is_literal', cluster('description', value='-----BEGIN PRIVATE KEY-----'), 'private key'),
	('an access key', 'no_secret_is_literal', cluster('description', value='AKIA' + 'A' * 16), 'access key'),
	('a password in an address', 'no_secret_is_literal', database('servers', 0, 'options', 1, 'value', value='https://a:b@c'), 'in an address'),
	('a password in SQL', 'no_secret_is_literal', cluster('bootstrap', 'initdb', 'postInitSQL', value=["ALTER ROLE app PASSWORD 'x'"]), 'in SQL'),
	('an environment', 'no_secret_is_literal', cluster('env', value=[{'name': 'VAULT_TOKEN', 'value': 'x'}]), 'an environment'),
	('no default', 'namespaces_deny_by_default', without('NetworkPolicy', 'default-deny'), 'nothing is denied'),
	('a default for one direction', 'namespaces_deny_by_default', policy('default-deny', 'policyTypes', value=['Ingress']), 'nothing is denied'),
	('a default with an exception', 'namespaces_deny_by_default', policy('default-deny', 'egress', value=[EVERYWHERE]), 'nothing is denied'),
	('a default for some pods', 'namespaces_deny_by_default', policy('default-deny', 'podSelector', 'matchLabels', value={'a': 'b'}), 'nothing is denied'),
	('a document of another namespace', 'namespaces_deny_by_default', at('Cluster', 'pg', 'metadata', 'namespace', value='default'), 'no namespace of ours'),
	('privileged pods', 'namespaces_are_confined', at('Namespace', 'saas', 'metadata', 'labels', 'pod-security.kubernetes.io/enforce', value='baseline'), 'restricted'),
	('no quota', 'namespaces_are_confined', without('ResourceQuota', 'tenant'), 'no ResourceQuota'),
	('no limits', 'namespaces_are_confined', without('LimitRange', 'tenant'), 'no LimitRange'),
	('a token for all pods', 'namespaces_are_confined', at('ServiceAccount', 'default', 'automountServiceAccountToken', value=True), 'without asking'),
	('all of the internet, all ports', 'policies_are_narrow', policy('pg-https', 'egress', append=EVERYWHERE), 'all ports'),
	('a rule without peers', 'policies_are_narrow', policy('pg-https', 'egress', append=HTTPS), 'all peers'),
	('all of the internet, the metadata service too', 'policies_are_narrow', policy('pg-https', 'egress', append={**EVERYWHERE, **HTTPS}), 'metadata service'),
	('clients from anywhere', 'policies_are_narrow', policy('pg-clients', 'ingress', 0, 'from', append={'ipBlock': {'cidr': '0.0.0.0/0'}}), 'from 0.0.0.0/0'),
	('clients from any pod', 'policies_are_narrow', policy('pg-clients', 'ingress', 0, 'from', append={'podSelector': {}}), 'any pod'),
	('clients from a whole namespace', 'policies_are_narrow',
		policy('pg-clients', 'ingress', 0, 'from', append={'namespaceSelector': {'matchLabels': {'a': 'b'}}}), 'any pod'),
	('a rule of a direction that is not said', 'policies_are_narrow', policy('pg-https', 'policyTypes', value=['Ingress']), 'counts for nothing'),
	('no policy for the operator', 'needed_ways_are_open', without('NetworkPolicy', 'pg-operator'), 'the operator to instances, port 5432'),
	('half of a policy for the operator', 'needed_ways_are_open', policy('pg-operator', 'ingress', 0, 'ports', 1), 'the operator to instances, port 8000'),
	('no policy among instances', 'needed_ways_are_open', without('NetworkPolicy', 'pg-instances'), 'instances to each other, port 5432'),
	('instances that may not be reached', 'needed_ways_are_open', policy('pg-instances', 'ingress'), 'instances from each other'),
	('no policy for names', 'needed_ways_are_open', without('NetworkPolicy', 'dns'), 'to names, port 53'),
	("no policy for Kubernetes' API", 'needed_ways_are_open', without('NetworkPolicy', 'pg-kubernetes-api'), 'port 6443'),
	('no policy for clients', 'needed_ways_are_open', without('NetworkPolicy', 'pg-clients'), 'clients to instances'),
	('no policy for KMSs', 'needed_ways_are_open', without('NetworkPolicy', 'pg-https'), 'instances to KMSs, port 443'),
	('a KMS on another port', 'needed_ways_are_open', database('servers', 0, 'options', 1, 'value', value='https://vault.acme.example:8200'), 'port 8200'),
	('a token without an audience', 'tokens_are_bound', source(0, 'serviceAccountToken', 'audience'), "Kubernetes' own API"),
	("a token for Kubernetes' API", 'tokens_are_bound', source(0, 'serviceAccountToken', 'audience', value='https://kubernetes.default.svc'), "Kubernetes' own API"),
	('a token for a day', 'tokens_are_bound', source(0, 'serviceAccountToken', 'expirationSeconds', value=86400), 'too long'),
	('a token without an end', 'tokens_are_bound', source(0, 'serviceAccountToken', 'expirationSeconds'), 'too long'),
	('two tokens for one audience', 'tokens_are_bound', source(2, 'serviceAccountToken', 'audience', value='https://vault.acme.example'), 'one audience'),
	('no token', 'tokens_are_bound', cluster('projectedVolumeTemplate'), 'nobody to its KMS'),
	('a file that is not in the pod', 'kms_files_are_there', source(0, 'serviceAccountToken', 'path', value='acme/jwt'), 'is not in the pod'),
	("the pod's own token", 'kms_files_are_there',
		database('servers', 0, 'options', 4, 'value', value='/var/run/secrets/kubernetes.io/serviceaccount/token'), 'is not in the pod'),
	('a token in a ConfigMap', 'kms_files_are_there', database('servers', 0, 'options', 4, 'value', value='/projected/acme/ca.crt'), 'is no secret there'),
	('a token for two', 'kms_files_are_there', database('servers', 0, 'options', 4, 'value', value='/projected/vendor/token'), 'the same token'),
	('a token for nobody', 'kms_files_are_there', database('servers', 1), 'nobody needs'),
	('a server of another kind', 'kms_files_are_there', database('servers', 1, 'fdw', value='postgres_fdw'), 'no KMS server'),
	('keys in a file, by default', 'kms_files_are_there', cluster('postgresql', 'parameters', 'bionic_crypt.default_kms'), 'default_kms is None'),
	('keys in a file', 'kms_files_are_there', database('servers', 1, 'options', 0, 'value', value='file'), 'a key file'),
	('no preloading', 'server_is_protected', cluster('postgresql', 'shared_preload_libraries', value=['pg_stat_statements']), 'not preloaded'),
	('a superuser with a password', 'server_is_protected', cluster('enableSuperuserAccess', value=True), 'superuser has a password'),
	('nothing said of superusers', 'server_is_protected', cluster('enableSuperuserAccess'), 'superuser has a password'),
	('ALTER SYSTEM', 'server_is_protected', cluster('postgresql', 'enableAlterSystem', value=True), 'from within'),
	('connections without TLS', 'server_is_protected', cluster('postgresql', 'pg_hba', value=[]), 'need no TLS'),
	('a KMS on the machine', 'server_is_protected', cluster('postgresql', 'parameters', 'bionic_crypt.allow_local_kms', value='on'), 'allow_local_kms'),
	('core dumps', 'server_is_protected', cluster('postgresql', 'parameters', 'bionic_crypt.allow_core_dumps'), 'allow_core_dumps'),
	('a misspelt setting', 'server_is_protected', cluster('postgresql', 'parameters', 'bionic_crypt.max_tennants', value='1'), 'is no setting'),
	('a client that is a superuser', 'server_is_protected', cluster('managed', 'roles', 0, 'superuser', value=True), 'more than a client'),
	('a client of another role', 'server_is_protected', cluster('managed', 'roles', 0, 'inRoles', value=['app']), 'more than a client'),
	('18 without the image', 'server_is_protected', cluster('postgresql', 'extensions'), 'for 18 it is needed'),
	('17 with the image', 'server_is_protected', cluster('imageName', value='a/postgresql:17' + DIGEST), 'the extension is for 18'),
	('no way to the libraries of the image', 'server_is_protected', cluster('postgresql', 'extensions', 0, 'ld_library_path'), 'not found'),
	('no seccomp profile', 'server_is_protected', cluster('seccompProfile', 'type', value='Unconfined'), 'seccomp'),
	('a database without the extension', 'server_is_protected', database('extensions', value=[]), 'no database has'),
	('another version of the extension', 'server_is_protected', database('extensions', 0, 'version', value='0.0.9'), 'no database has'),
	('a database that goes with its manifest', 'server_is_protected', database('databaseReclaimPolicy', value='delete'), 'goes with'),
	('another cluster', 'server_is_protected', at('Cluster', 'pg', 'metadata', 'name', value='db'), 'no one cluster pg'),
	('plain SEV', 'confidential_nodes_are_required', cluster('affinity', 'nodeAffinity', 'requiredDuringSchedulingIgnoredDuringExecution',
		'nodeSelectorTerms', 0, 'matchExpressions', 0, 'values', append='SEV'), 'plain SEV'),
	('confidential nodes if there are any', 'confidential_nodes_are_required', cluster('affinity', 'nodeAffinity',
		'preferredDuringSchedulingIgnoredDuringExecution', value=[]), 'only preferred'),
]

# Files of a kustomization, and those that make it a bad one.
HEAD = 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n'
POLICY = 'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: a\n'
GOOD_BUILD = {'kustomization.yaml': HEAD + 'resources: [a.yaml]\n', 'a.yaml': POLICY, 'patch.yaml': POLICY}
BUILDS = [
	('a transformer that is not known', {'kustomization.yaml': HEAD + 'namePrefix: x-\n'}, 'namePrefix is not supported'),
	('a component among resources', {'kustomization.yaml': HEAD.replace('Kustomization', 'Component')}, 'kind or apiVersion'),
	('a key that stands twice', {'a.yaml': POLICY + 'kind: NetworkPolicy\n'}, 'kind stands twice'),
	('a document that is there twice', {'a.yaml': POLICY + '---\n' + POLICY}, 'NetworkPolicy a is there twice'),
	('a document that is empty', {'a.yaml': POLICY + '---\n---\n'}, 'empty'),
	('a patch for nothing', {'kustomization.yaml': HEAD + 'patches: [path: patch.yaml]\n'}, '0 documents are NetworkPolicy a'),
	('a patch with a target of its own', {'kustomization.yaml': HEAD + 'resources: [a.yaml]\npatches: [{path: patch.yaml, target: {}}]\n'}, 'a path and nothing else'),
	('a patch of another kind', {'kustomization.yaml': HEAD + 'resources: [a.yaml]\npatches: [path: patch.yaml]\n',
		'patch.yaml': POLICY.replace('NetworkPolicy', 'Namespace')}, 'patches of Namespace'),
]
