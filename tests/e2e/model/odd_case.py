"""Random models of odd shapes and with each option of the architecture, against the exact pass.

Models of F32 with an F32 cache are compared to about 1e-11, so that an option which is read but
used a little wrongly shows. Where an option can be left out of the file without another change, the
exact model without it must be far away: else the test would not see the option ignored.
"""

from model_case import ModelCase, exact_rows  # shows where the oracle is
from reference_llama import Llama, mean_kl

SMALL = dict(dim=192, layers=3, heads=6, kv=2, ffn=344, vocab=331)
# Ways to be ignored differ in how much they matter; the least is still far above the bound.
SEEN = 20


class OddCase(ModelCase):
    def exact(self, forget=(), **options):
        """An F32 model with an F32 cache; `forget` names what matters."""
        path = self.make(**{**SMALL, **options})
        model, tokens, exact, bound = self.check_model(path, cache="f32")
        for option in forget:
            rest = {key: value for key, value in options.items() if key != option}
            other = exact_rows(Llama(self.make("other.gguf", **{**SMALL, **rest})), tokens, 203)
            self.assertGreater(mean_kl(exact, other), SEEN * bound, "the test is blind to " + option)

    def blocks(self, **options):
        self.check_model(self.make(**{**SMALL, **options}))
