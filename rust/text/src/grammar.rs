//! Grammars that say which tokens may come next, on `llguidance`.

use crate::boundary::*;
use llguidance::api::{ParserLimits, StopReason, TopLevelGrammar};
use llguidance::toktrie::{ApproximateTokEnv, InferenceCapabilities, TokEnv, TokRxInfo, TokTrie};
use llguidance::{Matcher, ParserFactory};
use std::sync::Arc;

const MAX_TOKENS: usize = 1 << 22;

/// Longest grammar text. Compile time is bounded by the limits below, not by this alone.
const MAX_SOURCE_BYTES: usize = 1 << 20;

pub struct Vocabulary {
    factory: ParserFactory,
    ends: Arc<[u32]>,
}

pub struct Grammar {
    matcher: Matcher,
    ends: Arc<[u32]>,
    /// An end token came after a text that nothing can follow. The matcher has stopped by then and takes
    /// no more tokens, so this one is counted here.
    ended: bool,
}

/// Bounds on what one grammar may cost. The step limits keep the worst mask at some tens of milliseconds;
/// schemas of real tools stay far below all of them.
fn limits() -> ParserLimits {
    ParserLimits {
        max_items_in_row: 2_000,
        initial_lexer_fuel: 1_000_000,
        step_lexer_fuel: 200_000,
        step_max_items: 50_000,
        max_lexer_states: 50_000,
        max_grammar_size: 500_000,
        precompute_large_lexemes: true,
        verbose_errors: false,
    }
}

fn new_vocabulary(pieces: &[&[u8]], special: &[u8], ends: &[u32]) -> Outcome<Vocabulary> {
    if pieces.is_empty() || pieces.len() > MAX_TOKENS {
        let count = pieces.len();
        return Err(Failure::invalid(format!(
            "a grammar needs a vocabulary of 1 to {MAX_TOKENS} tokens, not {count}"
        )));
    }
    let Some(&first_end) = ends.first() else {
        return Err(Failure::invalid("a grammar needs a vocabulary with an end-of-sequence token"));
    };
    if let Some(end) = ends.iter().find(|&&end| end as usize >= pieces.len()) {
        return Err(Failure::invalid(format!("end token {end} is not in the vocabulary")));
    }
    let words: Vec<Vec<u8>> = pieces
        .iter()
        .zip(special)
        .map(|(piece, &special)| {
            if special == 0 || piece.is_empty() {
                return piece.to_vec();
            }
            let mut word = vec![TokTrie::SPECIAL_TOKEN_MARKER];
            word.extend_from_slice(piece);
            word
        })
        .collect();
    let info = TokRxInfo::new(words.len() as u32, first_end);
    let trie = TokTrie::from(&info, &words).with_eos_tokens(ends);
    let env: TokEnv = Arc::new(ApproximateTokEnv::new(trie));
    let capabilities = InferenceCapabilities::default();
    let slices = llguidance::earley::SlicedBiasComputer::general_slices();
    let mut factory = ParserFactory::new(&env, capabilities, &slices)
        .map_err(|e| Failure::invalid(format!("vocabulary cannot be used for grammars: {e}")))?;
    factory.quiet();
    *factory.limits_mut() = limits();
    Ok(Vocabulary { factory, ends: ends.into() })
}

fn parse(kind: i32, source: &str) -> Outcome<TopLevelGrammar> {
    Ok(match kind {
        0 => TopLevelGrammar::from_json_schema(
            serde_json::from_str(source)
                .map_err(|e| Failure::invalid(format!("the JSON schema is not JSON: {e}")))?,
        ),
        1 => TopLevelGrammar::from_regex(source),
        2 => TopLevelGrammar::from_lark(source.to_string()),
        _ => return Err(Failure::new(UNSUPPORTED, format!("unknown kind of grammar {kind}"))),
    })
}

fn compile(vocabulary: &Vocabulary, kind: i32, source: &str) -> Outcome<Grammar> {
    if source.len() > MAX_SOURCE_BYTES {
        return Err(Failure::new(
            EXHAUSTED,
            format!(
                "the grammar has {} bytes, at most {MAX_SOURCE_BYTES} are allowed",
                source.len()
            ),
        ));
    }
    let matcher = Matcher::new(vocabulary.factory.create_parser(parse(kind, source)?));
    match matcher.get_error() {
        Some(error) => Err(Failure::invalid(format!("the grammar cannot be used: {error}"))),
        None => Ok(Grammar { matcher, ends: vocabulary.ends.clone(), ended: false }),
    }
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(EXHAUSTED, format!("the grammar failed: {error}"))
}

impl Grammar {
    fn fill_mask(&mut self, words: &mut [u32]) -> Outcome<()> {
        let mask = self.matcher.compute_mask_or_eos().map_err(failed)?;
        let source = mask.as_slice();
        words.fill(0);
        let count = source.len().min(words.len());
        words[..count].copy_from_slice(&source[..count]);
        Ok(())
    }

    fn accept(&mut self, tokens: &[u32]) -> Outcome<usize> {
        if self.ended {
            return Ok(0);
        }
        let accepted = self.matcher.try_consume_tokens(tokens).map_err(failed)?;
        let complete = matches!(
            self.matcher.stop_reason(),
            StopReason::NoExtension | StopReason::NoExtensionBias
        );
        self.ended = complete && tokens.get(accepted).is_some_and(|next| self.ends.contains(next));
        Ok(accepted + usize::from(self.ended))
    }

    fn rollback(&mut self, count: usize) -> Outcome<()> {
        let ends = usize::from(self.ended && count > 0);
        self.matcher.rollback(count - ends).map_err(failed)?;
        self.ended &= ends == 0;
        Ok(())
    }
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_grammar_vocabulary_new(
    pieces: Strings,
    special: *const u8,
    ends: *const u32,
    end_count: usize,
    vocabulary: *mut *mut Vocabulary,
    error: *mut Bytes,
) -> i32 {
    guard(error, || {
        let pieces = pieces.list()?;
        let special = array(special, pieces.len());
        let made = new_vocabulary(&pieces, special, array(ends, end_count))?;
        vocabulary.write(Box::into_raw(Box::new(made)));
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_grammar_vocabulary_free(vocabulary: *mut Vocabulary) {
    free_handle(vocabulary);
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_grammar_compile(
    vocabulary: *const Vocabulary,
    kind: i32,
    source: Slice,
    grammar: *mut *mut Grammar,
    error: *mut Bytes,
) -> i32 {
    guard(error, || {
        let made = compile(borrow(vocabulary)?, kind, source.text("the grammar")?)?;
        grammar.write(Box::into_raw(Box::new(made)));
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_grammar_free(grammar: *mut Grammar) {
    free_handle(grammar);
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_grammar_mask(
    grammar: *mut Grammar,
    words: *mut u32,
    word_count: usize,
    error: *mut Bytes,
) -> i32 {
    guard(error, || {
        if word_count == 0 {
            return Ok(());
        }
        borrow_mut(grammar)?.fill_mask(std::slice::from_raw_parts_mut(words, word_count))
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_grammar_accept(
    grammar: *mut Grammar,
    tokens: *const u32,
    count: usize,
    accepted: *mut usize,
    error: *mut Bytes,
) -> i32 {
    guard(error, || {
        accepted.write(borrow_mut(grammar)?.accept(array(tokens, count))?);
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_grammar_rollback(
    grammar: *mut Grammar,
    count: usize,
    error: *mut Bytes,
) -> i32 {
    guard(error, || borrow_mut(grammar)?.rollback(count))
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_grammar_clone(
    grammar: *const Grammar,
    copy: *mut *mut Grammar,
    error: *mut Bytes,
) -> i32 {
    guard(error, || {
        // Deep: the copy may go to another thread, which must not wait for this one's lexer.
        let original = borrow(grammar)?;
        let made = Grammar {
            matcher: original.matcher.deep_clone(),
            ends: original.ends.clone(),
            ended: original.ended,
        };
        copy.write(Box::into_raw(Box::new(made)));
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_grammar_is_accepting(
    grammar: *mut Grammar,
    accepting: *mut u8,
    error: *mut Bytes,
) -> i32 {
    guard(error, || {
        let result = borrow_mut(grammar)?.matcher.is_accepting().map_err(failed)?;
        accepting.write(result.into());
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_grammar_is_terminated(
    grammar: *const Grammar,
    terminated: *mut u8,
    error: *mut Bytes,
) -> i32 {
    guard(error, || {
        terminated.write(borrow(grammar)?.matcher.is_stopped().into());
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_grammar_forced_bytes(
    grammar: *mut Grammar,
    bytes: *mut Bytes,
    error: *mut Bytes,
) -> i32 {
    guard(error, || {
        bytes.write(borrow_mut(grammar)?.matcher.compute_ff_bytes().into());
        Ok(())
    })
}
