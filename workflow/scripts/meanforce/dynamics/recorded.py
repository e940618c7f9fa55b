"""Steps recorded as a CUDA graph: a GPU need not wait for Python to start each operation."""

import dataclasses
from collections.abc import Callable

import torch

from meanforce.dynamics.compiled import Function, disagreement

WARM = 3
"""Calls before the recording, in which libraries choose their algorithms and take their memory."""


@dataclasses.dataclass(frozen=True)
class Recorded:
    """A function whose operations were recorded once, and are repeated on other values.

    The recording has addresses, not tensors. So all tensors that the function reads must be changed
    in place only, and live as long as the recording does.

    Attributes:
        function: that was recorded; it keeps the tensors alive that it reads.
        graph: the recording.
        arguments: where it reads its arguments.
        results: where it writes its results.
    """

    function: Function
    graph: torch.cuda.CUDAGraph
    arguments: tuple[torch.Tensor, ...]
    results: tuple[torch.Tensor, ...]

    @classmethod
    def of(cls, function: Function, arguments: tuple[torch.Tensor, ...]) -> "Recorded":
        """Record the function; what it needs of the processor's values is fixed from now on."""
        own = tuple(argument.clone() for argument in arguments)
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM):
                function(*own)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            results = function(*own)
        return cls(function, graph, own, results)

    def __call__(self, *arguments: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The results of the function, as tensors of their own."""
        for own, given in zip(self.arguments, arguments, strict=True):
            own.copy_(given)
        self.graph.replay()
        return tuple(result.clone() for result in self.results)


def recorded(
    function: Function, arguments: tuple[torch.Tensor, ...], report: Callable[[str], None]
) -> Function:
    """The function as a CUDA graph; the given one, where it cannot be recorded.

    Args:
        function: what one step or several compute, from tensors on a GPU and without looking at
            their values.
        arguments: with which it is recorded, of the shapes that it will be called with, whose third
            dimension from the end is that of chains.
        report: called with a line on what was done.
    """
    # In another order of the chains than recorded.
    others = tuple(argument.flip(-3) for argument in arguments)
    wanted, stream = function(*others), torch.cuda.current_stream()
    try:
        repeated = Recorded.of(function, arguments)
        wrong = disagreement(repeated(*others), wanted)
    # No failure should stop a run that works without a recording.
    except Exception as error:
        # PyTorch leaves the stream of a recording only where that ends well.
        torch.cuda.set_stream(stream)
        report(f"steps cannot be recorded ({_cause(error)}): continuing without a CUDA graph")
        return function
    if wrong:
        report(f"recorded steps are wrong by {wrong:.1e}: continuing without a CUDA graph")
        return function
    report("steps recorded as a CUDA graph")
    return repeated


def _cause(error: BaseException) -> str:
    """The error that ended a recording; ending it fails, too, and only says that there was one."""
    while error.__context__ is not None:
        error = error.__context__
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
