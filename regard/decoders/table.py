"""The tables of decoders and of output layers. To add one, write one file, its section and one line here.

The tables name the section of each, which says what keys a recipe has for it and builds it: `config/stage.py` shows how
to add one.
"""

from regard.registry import Table

DECODERS = Table(
    "decoder",
    "regard.config",
    {
        "bahdanau": "decoders:BahdanauDecoderConfig",
        "luong": "decoders:LuongDecoderConfig",
        "conditional": "decoders:ConditionalDecoderConfig",
        "hard_attention": "decoders:HardAttentionDecoderConfig",
        "edit_transducer": "decoders:EditTransducerDecoderConfig",
        "fixed": "decoders:FixedDecoderConfig",
        "transformer": "decoders:TransformerDecoderConfig",
        "pooling": "decoders:PoolingDecoderConfig",
        "memory_network": "decoders:MemoryNetworkDecoderConfig",
    },
    group="regard.decoders",
)

OUTPUTS = Table(
    "output layer",
    "regard.config",
    {
        "linear": "outputs:LinearOutputConfig",
        "copy": "outputs:CopyOutputConfig",
        "label": "outputs:LabelOutputConfig",
    },
    group="regard.outputs",
)
