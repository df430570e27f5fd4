"""Logits, token ids and LoRA files of llama.cpp itself, by the C interface in the package xllamacpp."""

import ctypes as C
import os

import numpy as np
import xllamacpp

_SIGNATURES = {
    "llama_model_load_from_file": (C.c_void_p, [C.c_char_p, None]),
    "llama_init_from_model": (C.c_void_p, [C.c_void_p, None]),
    "llama_get_logits_ith": (C.POINTER(C.c_float), [C.c_void_p, C.c_int32]),
    "llama_set_embeddings": (None, [C.c_void_p, C.c_bool]),
    "llama_get_embeddings_seq": (C.POINTER(C.c_float), [C.c_void_p, C.c_int32]),
    "llama_model_n_embd": (C.c_int32, [C.c_void_p]),
    "llama_model_n_cls_out": (C.c_uint32, [C.c_void_p]),
    "llama_model_cls_label": (C.c_char_p, [C.c_void_p, C.c_uint32]),
    "llama_pooling_type": (C.c_int, [C.c_void_p]),
    "llama_model_get_vocab": (C.c_void_p, [C.c_void_p]),
    "llama_vocab_n_tokens": (C.c_int32, [C.c_void_p]),
    "llama_tokenize": (C.c_int32, [C.c_void_p, C.c_char_p, C.c_int32, C.c_void_p, C.c_int32, C.c_bool, C.c_bool]),
    "llama_adapter_lora_init": (C.c_void_p, [C.c_void_p, C.c_char_p]),
    "llama_set_adapters_lora": (C.c_int32, [C.c_void_p, C.POINTER(C.c_void_p), C.c_size_t, C.POINTER(C.c_float)]),
    "llama_get_memory": (C.c_void_p, [C.c_void_p]),
    "llama_memory_clear": (None, [C.c_void_p, C.c_bool]),
    "llama_set_n_threads": (None, [C.c_void_p, C.c_int32, C.c_int32]),
    "llama_free": (None, [C.c_void_p]),
    "llama_model_free": (None, [C.c_void_p]),
}


class _Parameters(C.Structure):
    """Passed by value as the last argument, whatever its real size."""

    _fields_ = [("bytes", C.c_uint8 * 1024)]


class _Batch(C.Structure):
    _fields_ = [("count", C.c_int32)] + [
        (name, C.c_void_p) for name in ("token", "embd", "pos", "sequences", "sequence", "logits")
    ]


_LIBRARY = C.CDLL(os.path.join(os.path.dirname(xllamacpp.__file__), "xllamacpp.abi3.so"))
for _name, (_result, _arguments) in _SIGNATURES.items():
    _function = getattr(_LIBRARY, _name)
    _function.restype = _result
    _function.argtypes = [_Parameters if kind is None else kind for kind in _arguments]
for _name in ("llama_model_default_params", "llama_context_default_params"):
    getattr(_LIBRARY, _name).restype = _Parameters
_LIBRARY.llama_batch_init.restype = _Batch
_LIBRARY.llama_batch_init.argtypes = [C.c_int32] * 3
_LIBRARY.llama_batch_free.argtypes = [_Batch]
_LIBRARY.llama_decode.argtypes = [C.c_void_p, _Batch]

_LOG = C.CFUNCTYPE(None, C.c_int, C.c_char_p, C.c_void_p)
_messages: list[str] = []
_callback = _LOG(lambda level, text, data: _messages.append(text.decode("utf-8", "replace")))
_LIBRARY.llama_log_set.argtypes = [_LOG, C.c_void_p]
_LIBRARY.llama_log_set(_callback, None)
_LIBRARY.llama_backend_init()

# Words of 32 bits in the parameters of a context: tokens it holds, of a batch, of a part of it; flash attention; the types
# of keys and values, which are half precision unless told otherwise.
_POOLING, _FLASH_ATTENTION, _KEY_TYPE, _VALUE_TYPE = 11, 13, 26, 27
# Of `llama_pooling_type`
MEAN, FIRST, CLASSIFIER = 1, 2, 4


class Model:
    def __init__(self, path: str, context: int = 512, threads: int = 1, pooling: int | None = None):
        """`pooling` of an encoder, where its file does not say it."""
        _messages.clear()
        self._model = _LIBRARY.llama_model_load_from_file(path.encode(), _LIBRARY.llama_model_default_params())
        if not self._model:
            raise RuntimeError("".join(_messages[-8:]))
        parameters = _LIBRARY.llama_context_default_params()
        words = (C.c_int32 * 256).from_buffer(parameters)
        words[0] = words[1] = words[2] = context
        words[_FLASH_ATTENTION] = words[_KEY_TYPE] = words[_VALUE_TYPE] = 0
        if pooling is not None:
            words[_POOLING] = pooling
        self._context = _LIBRARY.llama_init_from_model(self._model, parameters)
        if not self._context:
            raise RuntimeError("".join(_messages[-8:]))
        _LIBRARY.llama_set_n_threads(self._context, threads, threads)
        self._vocabulary = _LIBRARY.llama_model_get_vocab(self._model)
        self.words = _LIBRARY.llama_vocab_n_tokens(self._vocabulary)

    def close(self) -> None:
        _LIBRARY.llama_free(self._context)
        _LIBRARY.llama_model_free(self._model)

    def tokens(self, text: str, special: bool = True, add: bool = True) -> list[int]:
        data = text.encode()
        found = (C.c_int32 * (len(data) + 16))()
        count = _LIBRARY.llama_tokenize(self._vocabulary, data, len(data), found, len(found), add, special)
        return list(found[:count])

    def use_loras(self, paths: list[str], scales: list[float]) -> None:
        adapters = [_LIBRARY.llama_adapter_lora_init(self._model, path.encode()) for path in paths]
        if not all(adapters):
            raise RuntimeError("".join(_messages[-3:]))
        count = max(1, len(adapters))
        _LIBRARY.llama_set_adapters_lora(
            self._context, (C.c_void_p * count)(*adapters), len(adapters), (C.c_float * count)(*scales))

    @property
    def pooling(self) -> int:
        return _LIBRARY.llama_pooling_type(self._context)

    @property
    def labels(self) -> list[str]:
        """Of an encoder's classifier."""
        found = [_LIBRARY.llama_model_cls_label(self._model, place) for place in range(_LIBRARY.llama_model_n_cls_out(self._model))]
        return [label.decode() for label in found if label is not None]

    def embedding(self, ids: list[int]) -> np.ndarray:
        """[C] of one sequence in an encoder, or the numbers of its classifier."""
        _LIBRARY.llama_set_embeddings(self._context, True)
        self._run(ids)
        is_classifier = self.pooling == CLASSIFIER
        count = _LIBRARY.llama_model_n_cls_out(self._model) if is_classifier else _LIBRARY.llama_model_n_embd(self._model)
        return np.ctypeslib.as_array(_LIBRARY.llama_get_embeddings_seq(self._context, 0), (count,)).copy()

    def logits(self, ids: list[int]) -> np.ndarray:
        """[T, V] of one sequence."""
        self._run(ids)
        return np.stack([
            np.ctypeslib.as_array(_LIBRARY.llama_get_logits_ith(self._context, place), (self.words,)).copy()
            for place in range(len(ids))
        ])

    def _run(self, ids: list[int]) -> None:
        memory = _LIBRARY.llama_get_memory(self._context)
        # Encoders have none.
        if memory:
            _LIBRARY.llama_memory_clear(memory, True)
        count = len(ids)
        batch = _LIBRARY.llama_batch_init(count, 0, 1)
        batch.count = count

        def values(pointer, kind):
            return np.ctypeslib.as_array(C.cast(pointer, C.POINTER(kind)), (count,))

        values(batch.token, C.c_int32)[:] = ids
        values(batch.pos, C.c_int32)[:] = range(count)
        values(batch.sequences, C.c_int32)[:] = 1
        values(batch.logits, C.c_int8)[:] = 1
        sequence = C.cast(batch.sequence, C.POINTER(C.POINTER(C.c_int32)))
        for place in range(count):
            sequence[place][0] = 0
        status = _LIBRARY.llama_decode(self._context, batch)
        if status != 0:
            raise RuntimeError(f"llama_decode: {status}: " + "".join(_messages[-3:]))
        _LIBRARY.llama_batch_free(batch)


def perplexity(logits: np.ndarray, ids: list[int]) -> float:
    scores = logits[:-1].astype(np.float64)
    scores -= scores.max(1, keepdims=True)
    scores -= np.log(np.exp(scores).sum(1, keepdims=True))
    return float(np.exp(-scores[np.arange(len(ids) - 1), ids[1:]].mean()))
