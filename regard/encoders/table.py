"""The table of encoders. To add one, write one file, its section and one line here.

The table names the section of each, which says what keys a recipe has for it and builds it: `config/stage.py` shows how
to add one.
"""

from regard.registry import Table

ENCODERS = Table(
    "encoder",
    "regard.config",
    {
        "recurrent": "encoders:RecurrentEncoderConfig",
        "transformer": "encoders:TransformerEncoderConfig",
        "blstmp": "encoders:BlstmpEncoderConfig",
        "vgg_blstmp": "encoders:VggBlstmpEncoderConfig",
        "pyramidal": "encoders:PyramidalEncoderConfig",
        "grid": "encoders:GridEncoderConfig",
        "hierarchical": "encoders:HierarchicalEncoderConfig",
        "bag": "encoders:BagEncoderConfig",
        "several": "several:SeveralEncoderConfig",
        "linear": "encoders:LinearEncoderConfig",
    },
    group="regard.encoders",
)
