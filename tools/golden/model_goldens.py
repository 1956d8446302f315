#!/usr/bin/env python3
"""Makes tiny seeded checkpoints of every architecture and their logits, by Hugging Face transformers.

usage: model_goldens.py [--out tests/golden/models]

Writes OUT/<name>/{config.json, model.safetensors, tokens.json, logits.f32}: a folder that ModelSource opens,
the prompt, and float32 logits [tokens][vocabulary] computed in float32. Every file is small and committed, so
that tests need neither torch nor transformers. The same seeds give the same files for the same versions.
"""
import argparse
import json
import pathlib

import torch
import transformers

PROMPT_TOKENS = 40
VOCABULARY = 96


def llama():
    return transformers.LlamaConfig(
        hidden_size=48, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, vocab_size=VOCABULARY, max_position_embeddings=256,
        rms_norm_eps=1e-5, tie_word_embeddings=False,
        rope_parameters=dict(rope_type="llama3", rope_theta=500.0, factor=4.0, low_freq_factor=1.0,
                             high_freq_factor=4.0, original_max_position_embeddings=64))


def mistral():
    return transformers.MistralConfig(
        hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=16, vocab_size=VOCABULARY, max_position_embeddings=256,
        sliding_window=8, tie_word_embeddings=False)


def qwen2():
    return transformers.Qwen2Config(
        hidden_size=64, intermediate_size=80, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, vocab_size=VOCABULARY, max_position_embeddings=128,
        rms_norm_eps=1e-6, tie_word_embeddings=True,
        rope_parameters=dict(rope_type="yarn", rope_theta=10000.0, factor=4.0,
                             original_max_position_embeddings=32))


def gemma3():
    """Seven layers: five with a window, one without, one with."""
    return transformers.Gemma3TextConfig(
        hidden_size=40, intermediate_size=48, num_hidden_layers=7, num_attention_heads=4,
        num_key_value_heads=1, head_dim=16, vocab_size=VOCABULARY, max_position_embeddings=256,
        sliding_window=8, query_pre_attn_scalar=24, final_logit_softcapping=30.0,
        tie_word_embeddings=True,
        rope_parameters=dict(
            full_attention=dict(rope_type="linear", factor=2.0, rope_theta=50000.0),
            sliding_attention=dict(rope_type="default", rope_theta=1000.0)))


# name: configuration, type of the stored weights, what norm weights are centred on
MODELS = {
    "llama": (llama, torch.float32, 1.0),
    "mistral": (mistral, torch.float32, 1.0),
    "qwen2": (qwen2, torch.bfloat16, 1.0),
    "gemma3": (gemma3, torch.bfloat16, 0.0),
}


def fill(model, generator, dtype, norm_center):
    """Random weights that keep activations near 1, with norms and biases far from their defaults."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in name:
                value = norm_center + 0.3 * noise
            elif name.endswith("bias"):
                value = 0.5 * noise
            elif "embed" in name:
                value = noise * 0.5
            else:
                value = noise * 1.2 / parameter.shape[1] ** 0.5
            parameter.copy_(value.to(dtype).to(torch.float32))


def make(name, out):
    build_config, dtype, norm_center = MODELS[name]
    generator = torch.Generator().manual_seed(1000 + list(MODELS).index(name))
    config = build_config()
    model = transformers.AutoModelForCausalLM.from_config(
        config, dtype=torch.float32, attn_implementation="eager").eval()
    fill(model, generator, dtype, norm_center)
    tokens = torch.randint(0, VOCABULARY, (1, PROMPT_TOKENS), generator=generator)
    with torch.no_grad():
        logits = model(tokens, use_cache=False).logits[0].to(torch.float32)
    folder = out / name
    model.to(dtype).save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    (folder / "model.safetensors").chmod(0o644)
    (folder / "tokens.json").write_text(json.dumps(tokens[0].tolist()) + "\n")
    (folder / "logits.f32").write_bytes(logits.contiguous().numpy().astype("<f4").tobytes())
    print(f"{name}: logits from {logits.min():.3f} to {logits.max():.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("tests/golden/models"))
    out = parser.parse_args().out
    torch.use_deterministic_algorithms(True)
    for name in MODELS:
        make(name, out)


if __name__ == "__main__":
    main()
