#!/usr/bin/env python3
"""Writes the tokens that llama.cpp makes of tokenizer_corpus.py, for src/text and tests/real.

  tokenizer_goldens.py small --llama-tokenize PATH     small vocabularies made here, one result per
                                                       pre-tokenizer -> src/text/testdata/
  tokenizer_goldens.py vocabularies --llama-tokenize PATH GGUF...  vocabularies without weights
                                                       -> tests/real/testdata/vocabularies.json
  tokenizer_goldens.py real --llama-tokenize PATH GGUF...  vocabularies of real models
                                                       -> tests/real/testdata/tokens_NAME.json

Needs the packages gguf, numpy and tokenizers.
"""
import argparse
import concurrent.futures
import json
import pathlib
import subprocess
import tempfile

from tokenizer_corpus import SPECIAL_TEXTS, TEXTS

ROOT = pathlib.Path(__file__).resolve().parents[2]

# One name of each family of pre-tokenizers.
PRE_TOKENIZERS = [
    "default", "gpt-2", "llama-bpe", "dbrx", "qwen2", "qwen35", "smollm", "starcoder", "command-r", "falcon",
    "deepseek-llm", "deepseek-coder", "deepseek-v3", "stablelm2", "tekken", "gpt-4o", "glm4", "bloom", "viking",
    "bailingmoe", "seed-coder", "minicpm5", "kimi-k2", "jais-2", "youtu", "spark2_5", "afmoe", "tiny_aya", "superbpe",
    "ufakzeka", "exaone-moe", "chameleon", "laguna",
]


def tokenize(tool, model, text, parse_special):
    command = [tool, "-m", str(model), "--ids", "--stdin", "--no-escape", "--log-disable"]
    if not parse_special:
        command.append("--no-parse-special")
    output = subprocess.run(command, input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                            check=True).stdout.decode()
    return json.loads(output.strip().splitlines()[-1])


def golden(tool, model, workers):
    jobs = [(text, True) for text in TEXTS + SPECIAL_TEXTS] + [(text, False) for text in SPECIAL_TEXTS]
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        ids = list(pool.map(lambda job: tokenize(tool, model, *job), jobs))
    return [{"text": text, "parse_special": parse, "ids": tokens} for (text, parse), tokens in zip(jobs, ids)]


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    body = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    # One case a line, so that differences can be read.
    path.write_text(body.replace('{"text"', '\n{"text"') + "\n")
    print(path, path.stat().st_size)


def byte_pair_vocabulary():
    """Merges that run across every boundary, so that a pre-tokenizer's cuts show."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    trainer = trainers.BpeTrainer(vocab_size=1500, show_progress=False, min_frequency=1, max_token_length=12,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(TEXTS * 2, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    tokens = [name for name, _ in sorted(model["vocab"].items(), key=lambda item: item[1])]
    types = [1] * len(tokens)
    for name, kind in [("<|endoftext|>", 3), ("<|im_start|>", 3), ("<|im_end|>", 3), ("<tool_call>", 4),
                       ("</tool_call>", 4), ("<think>", 4), ("<|begin_of_text|>", 3)]:
        tokens.append(name)
        types.append(kind)
    merges = [" ".join(pair) for pair in model["merges"]]
    return {"model": "gpt2", "tokens": tokens, "types": types, "merges": merges,
            "bos": tokens.index("<|begin_of_text|>"), "eos": tokens.index("<|endoftext|>")}


def sentence_piece_vocabulary():
    """Pieces with scores, some equal, and bytes; without a character or two, so that bytes are needed."""
    from tokenizers import Tokenizer, models, normalizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Replace(" ", "\u2581")
    trainer = trainers.BpeTrainer(vocab_size=1000, show_progress=False, min_frequency=1, max_token_length=10,
                                  limit_alphabet=300)
    tokenizer.train_from_iterator(TEXTS * 2, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    tokens, types, scores = ["<unk>", "<s>", "</s>"], [2, 3, 3], [0.0, 0.0, 0.0]
    for byte in range(256):
        tokens.append(f"<0x{byte:02X}>")
        types.append(6)
        scores.append(0.0)
    pieces = sorted(model["vocab"].items(), key=lambda item: item[1])
    for rank, (name, _) in enumerate(pieces):
        if name in tokens or "\0" in name:  # llama.cpp reads names as C strings
            continue
        tokens.append(name)
        types.append(1)
        scores.append(float(-(rank // 3)))
    for name, kind in [("<|user|>", 3), ("<|assistant|>", 4), ("<|end|>", 3), ("<tool_call>", 4)]:
        tokens.append(name)
        types.append(kind)
        scores.append(-1000.0)
    return {"model": "llama", "tokens": tokens, "types": types, "scores": scores, "bos": 1, "eos": 2, "unknown": 0}


def write_gguf(path, vocabulary, pre="", **flags):
    import gguf

    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(512)
    writer.add_embedding_length(32)
    writer.add_block_count(1)
    writer.add_feed_forward_length(32)
    writer.add_head_count(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model(vocabulary["model"])
    if pre:
        writer.add_tokenizer_pre(pre)
    writer.add_token_list(vocabulary["tokens"])
    writer.add_token_types(vocabulary["types"])
    if "merges" in vocabulary:
        writer.add_token_merges(vocabulary["merges"])
    if "scores" in vocabulary:
        writer.add_token_scores(vocabulary["scores"])
    writer.add_bos_token_id(vocabulary["bos"])
    writer.add_eos_token_id(vocabulary["eos"])
    if "unknown" in vocabulary:
        writer.add_unk_token_id(vocabulary["unknown"])
    for key, value in flags.items():
        {"add_bos": writer.add_add_bos_token, "add_eos": writer.add_add_eos_token,
         "add_space_prefix": writer.add_add_space_prefix}[key](value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def small(arguments):
    out = ROOT / "src/text/testdata"
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "vocabulary.gguf"
        vocabulary = byte_pair_vocabulary()
        results = {}
        for pre in PRE_TOKENIZERS:
            write_gguf(path, vocabulary, pre)
            results[pre] = golden(arguments.llama_tokenize, path, arguments.workers)
        write(out / "byte_pair_vocabulary.json", vocabulary)
        texts = [{"text": case["text"], "parse_special": case["parse_special"]} for case in results["default"]]
        write(out / "byte_pair_tokens.json",
              {"cases": texts, "ids": {pre: [case["ids"] for case in cases] for pre, cases in results.items()}})
        vocabulary = sentence_piece_vocabulary()
        write(out / "sentence_piece_vocabulary.json", vocabulary)
        for name, flags in [("sentence_piece_tokens", {}),
                            ("sentence_piece_tokens_without_prefix",
                             {"add_space_prefix": False, "add_eos": True})]:
            write_gguf(path, vocabulary, **flags)
            cases = golden(arguments.llama_tokenize, path, arguments.workers)
            write(out / f"{name}.json", {"flags": flags, "cases": cases})


def real(arguments):
    for model in arguments.models:
        cases = golden(arguments.llama_tokenize, model, arguments.workers)
        name = model.stem
        write(ROOT / "tests/real/testdata" / f"tokens_{name}.json", {"file": model.name, "cases": cases})


def vocabularies(arguments):
    results = {path.name: golden(arguments.llama_tokenize, path, arguments.workers) for path in arguments.models}
    texts = [{"text": case["text"], "parse_special": case["parse_special"]} for case in next(iter(results.values()))]
    write(ROOT / "tests/real/testdata/vocabularies.json",
          {"cases": texts, "ids": {name: [case["ids"] for case in cases] for name, cases in results.items()}})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["small", "real", "vocabularies"])
    parser.add_argument("models", nargs="*", type=pathlib.Path)
    parser.add_argument("--llama-tokenize", required=True)
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_intermixed_args()
    {"small": small, "real": real, "vocabularies": vocabularies}[arguments.what](arguments)


if __name__ == "__main__":
    main()
