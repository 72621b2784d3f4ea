"""What embeds a source of several parts of several kinds: each part in a way of its own."""

from collections.abc import Mapping
from typing import Any

from torch import nn


class PartEmbeddings(nn.Module):
    """An embedding for each part, which the encoder of the part is built over.

    Args:
        embeddings: of each part by its name, in the order of the source.
        embedding_dim: features of a token, as a recipe gives them; those of other kinds may differ.
    """

    def __init__(self, embeddings: Mapping[str, Any], embedding_dim: int) -> None:
        super().__init__()
        self.embedding_dim = embedding_dim
        self.places = {name: place for place, name in enumerate(embeddings)}
        self.embeddings = nn.ModuleList(embeddings.values())  # by place, since a name may have a full stop

    def of(self, name: str) -> Any:
        """That of one part."""
        return self.embeddings[self.places[name]]
