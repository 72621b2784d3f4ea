"""What the sections of both transformers share."""

MAX_DISTANCE = 16
"""Of relative positions: k of the base model of Shaw et al. 2018, section 4.1."""


def check_sizes(hidden_size: int, num_heads: int, positions: str) -> None:
    """Raises ValueError for sizes that a transformer cannot have."""
    if hidden_size % num_heads:
        raise ValueError(f"num_heads is {num_heads} and hidden_size is {hidden_size}; expected a divisor of it")
    if positions == "sinusoidal" and hidden_size % 2:
        raise ValueError(f"hidden_size is {hidden_size}; expected an even number for sinusoidal positions")
