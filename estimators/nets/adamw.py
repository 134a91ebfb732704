"""The optimizer of stacks."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from estimators.nets.stacks import Stack


class AdamW:
    """AdamW for a stack, with the rates and the state of each network's own optimiser.

    Loshchilov and Hutter, Decoupled Weight Decay Regularization, ICLR 2019, algorithm 2, with torch's
    constants.

    Parameters
    ----------
    stack : Stack
    optimizers : sequence of torch.optim.AdamW
        One for each network, all at the same step.
    """

    def __init__(self, stack: Stack, optimizers: Sequence[torch.optim.Optimizer]) -> None:
        self.stack, self.optimizers = stack, optimizers
        self.mean, self.square, self.work = (torch.zeros_like(stack.values) for _ in range(3))
        self.tiny = torch.finfo(
            stack.values.dtype
        ).tiny  # roots of smaller numbers are very slow, and negligible beside eps
        self.n_steps = 0
        self._rates: list[tuple[float, float]] = []
        self._adopt_state()

    def look_at_rates(self) -> None:
        """Read the current learning rates and weight decays of the optimizers."""
        rates = [
            (optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["weight_decay"])
            for optimizer in self.optimizers
        ]
        if rates != self._rates:
            self._rates = rates
            self.rate = self._spread([rate for rate, _ in rates])
            self.kept = self._spread([1 - rate * decay for rate, decay in rates])
            self.decays = any(decay for _, decay in rates)

    @torch.no_grad()
    def step(self) -> None:
        """Change the stack's values by its gradient."""
        group = self.optimizers[0].param_groups[0]
        (beta1, beta2), eps = group["betas"], group["eps"]
        self.n_steps += 1
        shrink1, shrink2 = 1 - beta1**self.n_steps, math.sqrt(1 - beta2**self.n_steps)
        gradient, values = self.stack.gradient, self.stack.values
        self.mean.lerp_(gradient, 1 - beta1)
        self.square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        torch.clamp_min(self.square, self.tiny, out=self.work).sqrt_().add_(eps * shrink2)
        if self.decays:
            values *= self.kept
        values.addcmul_(torch.div(self.mean, self.work, out=self.work), self.rate, value=-shrink2 / shrink1)

    @torch.no_grad()
    def publish(self) -> None:
        """Write the current state to the optimizers."""
        if not self.n_steps:
            return
        owner = {p: o for o in self.optimizers for group in o.param_groups for p in group["params"]}
        for (mean, parameter), (square, _) in zip(
            self.stack.pairs(self.mean), self.stack.pairs(self.square), strict=True
        ):
            owner[parameter].state[parameter] = {
                "step": torch.tensor(float(self.n_steps)),
                "exp_avg": mean.clone(),
                "exp_avg_sq": square.clone(),
            }

    def _adopt_state(self) -> None:
        states = {parameter: state for o in self.optimizers for parameter, state in o.state.items()}
        for (mean, parameter), (square, _) in zip(
            self.stack.pairs(self.mean), self.stack.pairs(self.square), strict=True
        ):
            if parameter in states:
                mean.copy_(states[parameter]["exp_avg"])
                square.copy_(states[parameter]["exp_avg_sq"])
                self.n_steps = int(states[parameter]["step"])

    def _spread(self, numbers: list[float]) -> Tensor:
        """Return the number of each network at each of its values."""
        flat = torch.empty_like(self.stack.values)
        for block in self.stack.blocks(flat):
            block.copy_(flat.new_tensor(numbers).view(-1, *[1] * (block.ndim - 1)))
        return flat
