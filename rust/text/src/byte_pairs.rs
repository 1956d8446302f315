//! Byte-pair encoders from plain vocabularies and merges, as GGUF files carry them.

use crate::boundary::*;
use crate::tokenizer::TextTokenizer;
use std::collections::HashSet;
use tokenizers::models::bpe::{Vocab as Vocabulary, BPE};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::tokenizer::SplitDelimiterBehavior;
use tokenizers::Tokenizer;

#[repr(C)]
pub struct BytePairs {
    tokens: Strings,
    merges: Strings,
    patterns: Strings,
    byte_level: u8,
    byte_fallback: u8,
    ignore_merges: u8,
}

fn vocabulary(tokens: &[&str]) -> Vocabulary {
    let mut result = Vocabulary::with_capacity(tokens.len());
    for (id, token) in tokens.iter().enumerate() {
        if !token.is_empty() && !result.contains_key(*token) {
            result.insert((*token).to_string(), id as u32);
        }
    }
    result
}

/// The two sides of a merge; the left one may itself be a space.
fn split_merge(merge: &str) -> Option<(&str, &str)> {
    let first = merge.chars().next()?.len_utf8();
    let space = first + merge[first..].find(' ')?;
    Some((&merge[..space], &merge[space + 1..]))
}

/// Checks all merges, since the model would fail on the first bad one without saying which it is. Of equal
/// merges the first counts.
fn checked_merges(merges: &[&str], vocabulary: &Vocabulary) -> Outcome<Vec<(String, String)>> {
    let mut seen = HashSet::with_capacity(merges.len());
    let mut result = Vec::with_capacity(merges.len());
    let mut merged = String::new();
    for (rank, merge) in merges.iter().enumerate() {
        let fail = |why: &str| Err(Failure::invalid(format!("merge {rank} '{merge}' {why}")));
        let Some((left, right)) = split_merge(merge) else {
            return fail("is not 'left right'");
        };
        let (Some(left_id), Some(right_id)) = (vocabulary.get(left), vocabulary.get(right)) else {
            return fail("joins something that is not a token");
        };
        merged.clear();
        merged.push_str(left);
        merged.push_str(right);
        if !vocabulary.contains_key(&merged) {
            return fail("makes something that is not a token");
        }
        if seen.insert((*left_id, *right_id)) {
            result.push((left.to_string(), right.to_string()));
        }
    }
    Ok(result)
}

fn pre_tokenizer(patterns: &[&str], byte_level: bool) -> Outcome<Option<PreTokenizerWrapper>> {
    let mut steps = Vec::with_capacity(patterns.len() + 1);
    for pattern in patterns {
        let split = Split::new(
            SplitPattern::Regex((*pattern).to_string()),
            SplitDelimiterBehavior::Isolated,
            false,
        )
        .map_err(|e| Failure::invalid(format!("pre-tokenizer pattern '{pattern}': {e}")))?;
        steps.push(PreTokenizerWrapper::Split(split));
    }
    if byte_level {
        steps.push(PreTokenizerWrapper::ByteLevel(ByteLevel::new(false, false, false)));
    }
    Ok(match steps.len() {
        0 => None,
        1 => steps.pop(),
        _ => Some(PreTokenizerWrapper::Sequence(Sequence::new(steps))),
    })
}

unsafe fn build(spec: &BytePairs) -> Outcome<TextTokenizer> {
    let vocabulary = vocabulary(&spec.tokens.texts("token")?);
    if vocabulary.is_empty() {
        return Err(Failure::invalid("the vocabulary holds no token"));
    }
    let merges = checked_merges(&spec.merges.texts("merge")?, &vocabulary)?;
    let model = BPE::builder()
        .vocab_and_merges(vocabulary, merges)
        .byte_fallback(spec.byte_fallback != 0)
        .ignore_merges(spec.ignore_merges != 0)
        .build()
        .map_err(|e| Failure::invalid(format!("vocabulary cannot be used: {e}")))?;
    let mut tokenizer = Tokenizer::new(model);
    tokenizer
        .with_pre_tokenizer(pre_tokenizer(&spec.patterns.texts("pattern")?, spec.byte_level != 0)?);
    TextTokenizer::new(tokenizer)
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_tokenizer_from_byte_pairs(
    spec: *const BytePairs,
    tokenizer: *mut *mut TextTokenizer,
    error: *mut Bytes,
) -> i32 {
    guard(error, || {
        let made = build(borrow(spec)?)?;
        tokenizer.write(Box::into_raw(Box::new(made)));
        Ok(())
    })
}
