"""A trained model as two ONNX graphs, for programs without PyTorch.

records      the tensors of a memory and a state, by name, and a record of such tensors
layers       recurrent layers as operators of ONNX
graphs       the encoder, and one step of the decoder, as modules of tensors alone; which tensors a step needs
export       writes both, with the tokenisers and a description, and compares them with the model
runtime      reads them: texts → outputs and weights, with numpy and onnxruntime alone
"""
