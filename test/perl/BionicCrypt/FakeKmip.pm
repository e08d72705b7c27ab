# A KMIP server that answers as it is told (test/kms/fake_kmip), for a script;
# as BionicCrypt::FakeKms.

package BionicCrypt::FakeKmip;

use strict;
use warnings;

use parent 'BionicCrypt::FakeKms';

sub program { return $_[0]->SUPER::program =~ s/fake_kms$/fake_kmip/r }

1;
