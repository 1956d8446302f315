//! Grammars that say which tokens may come next, on `llguidance`.

use crate::boundary::*;
use crate::closing::Closer;
use crate::closing_lexer::ClosingLexer;
use crate::closing_rules::{ClosingRules, Part};
use crate::json_schema;
use llguidance::api::{ParserLimits, StopReason, TopLevelGrammar};
use llguidance::toktrie::{ApproximateTokEnv, InferenceCapabilities, TokEnv, TokRxInfo, TokTrie};
use llguidance::{Matcher, ParserFactory, TokenParser};
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
    /// Knows the shortest completion; nothing for grammars that it cannot follow.
    closer: Option<Closer>,
    is_json: bool,
    trie: TokEnv,
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
        max_lexer_states: 16_000,
        max_grammar_size: 500_000,
        precompute_large_lexemes: true,
        verbose_errors: false,
    }
}

pub fn new_vocabulary(pieces: &[&[u8]], special: &[u8], ends: &[u32]) -> Outcome<Vocabulary> {
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
        0 => TopLevelGrammar::from_json_schema(json_schema::prepare(source)?),
        1 => TopLevelGrammar::from_regex(source),
        2 => TopLevelGrammar::from_lark(source.to_string()),
        _ => return Err(Failure::new(UNSUPPORTED, format!("unknown kind of grammar {kind}"))),
    })
}

pub fn compile(vocabulary: &Vocabulary, kind: i32, source: &str) -> Outcome<Grammar> {
    if source.len() > MAX_SOURCE_BYTES {
        return Err(Failure::new(
            EXHAUSTED,
            format!(
                "the grammar has {} bytes, at most {MAX_SOURCE_BYTES} are allowed",
                source.len()
            ),
        ));
    }
    let parser = vocabulary
        .factory
        .create_parser(parse(kind, source)?)
        .map_err(|e| Failure::invalid(format!("the grammar cannot be used: {e:#}")))?;
    let trie = vocabulary.factory.tok_env().clone();
    let closer = new_closer(&parser, &trie);
    let matcher = Matcher::new(Ok(parser));
    match matcher.get_error() {
        Some(error) => Err(Failure::invalid(format!("the grammar cannot be used: {error}"))),
        None => Ok(Grammar {
            matcher,
            closer,
            is_json: kind == 0,
            trie,
            ends: vocabulary.ends.clone(),
            ended: false,
        }),
    }
}

fn new_closer(parser: &TokenParser, trie: &TokEnv) -> Option<Closer> {
    let grammar = parser.parser.grammar();
    let mut lexer = ClosingLexer::new(grammar.lexer_spec(), &limits())?;
    let rules = ClosingRules::new(grammar, trie.tok_trie(), &mut lexer)?;
    Closer::new(Arc::new(rules), lexer)
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(EXHAUSTED, format!("the grammar failed: {error}"))
}

/// What became of a token offered to `Grammar::accept_within`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    Forbidden = 0,
    Accepted = 1,
    TooLong = 2,
}

impl Grammar {
    pub fn fill_mask(&mut self, words: &mut [u32]) -> Outcome<()> {
        let mask = self.matcher.compute_mask_or_eos().map_err(failed)?;
        let source = mask.as_slice();
        words.fill(0);
        let count = source.len().min(words.len());
        words[..count].copy_from_slice(&source[..count]);
        Ok(())
    }

    pub fn accept(&mut self, tokens: &[u32]) -> Outcome<usize> {
        let accepted = self.advance(tokens)?;
        // An end after the end is not the matcher's.
        let led = accepted.saturating_sub(usize::from(self.ended));
        for &token in &tokens[..led] {
            if !self.lead(token) {
                self.closer = None;
            }
        }
        Ok(accepted)
    }

    /// Accepts the token unless what is then still needed takes more than `remaining` tokens.
    pub fn accept_within(&mut self, token: u32, remaining: usize) -> Outcome<Offer> {
        let leads = self.lead(token);
        if leads && !self.ends.contains(&token) && !self.closes_within(remaining) {
            self.unlead();
            return Ok(Offer::TooLong);
        }
        let accepted = self.advance(&[token])?;
        match (leads, accepted == 1) {
            (false, true) => self.closer = None,
            (true, false) => self.unlead(),
            // An end after the end is not the matcher's.
            (true, true) if self.ended => self.unlead(),
            _ => {}
        }
        Ok(if accepted == 1 { Offer::Accepted } else { Offer::Forbidden })
    }

    fn advance(&mut self, tokens: &[u32]) -> Outcome<usize> {
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

    /// Tokens that complete the text; nothing if they are not known.
    pub fn closing(&mut self) -> Option<Vec<u32>> {
        let parts = self.closer.as_mut()?.completion()?;
        let tokens = self.tokens_of(&parts);
        // Where a lexeme could also be skipped, the closer may have taken another way than the
        // matcher, whose word counts.
        let accepted = self.matcher.try_consume_tokens(&tokens).ok()?;
        self.matcher.rollback(accepted).ok()?;
        (accepted == tokens.len()).then_some(tokens)
    }

    /// True also if nobody knows.
    fn closes_within(&mut self, remaining: usize) -> bool {
        let Some(closer) = self.closer.as_mut() else { return true };
        let bytes = closer.bytes_to_close();
        if bytes.is_none_or(|bytes| bytes as usize <= remaining) {
            return true;
        }
        // The lexemes of JSON end before what follows them.
        let parts = if self.is_json { closer.guess() } else { closer.completion() };
        parts.is_some_and(|parts| self.tokens_of(&parts).len() <= remaining)
    }

    fn part_of(&self, token: u32) -> Part {
        let trie = self.trie.tok_trie();
        if trie.is_special_token(token) {
            return Part::Token(token);
        }
        if (token as usize) < trie.vocab_size() {
            return Part::Bytes(trie.token(token).to_vec());
        }
        Part::Bytes(Vec::new())
    }

    fn tokens_of(&self, parts: &[Part]) -> Vec<u32> {
        let trie = self.trie.tok_trie();
        let mut tokens = Vec::new();
        for part in parts {
            match part {
                Part::Bytes(bytes) => tokens.extend(trie.greedy_tokenize(bytes)),
                Part::Token(token) => tokens.push(*token),
            }
        }
        tokens
    }

    /// Takes the closer where the matcher goes; false if it cannot follow.
    fn lead(&mut self, token: u32) -> bool {
        let part = self.part_of(token);
        let is_end = self.ends.contains(&token);
        let Some(closer) = self.closer.as_mut() else { return true };
        if is_end {
            closer.hold();
            return true;
        }
        closer.push(part).is_some()
    }

    fn unlead(&mut self) {
        if let Some(closer) = self.closer.as_mut() {
            closer.pop();
        }
    }

    pub fn rollback(&mut self, count: usize) -> Outcome<()> {
        let ends = usize::from(self.ended && count > 0);
        self.matcher.rollback(count - ends).map_err(failed)?;
        if let Some(closer) = self.closer.as_mut() {
            (0..count - ends).for_each(|_| closer.pop());
        }
        self.ended &= ends == 0;
        Ok(())
    }

    /// Deep: the copy may go to another thread, which must not wait for this one's lexer.
    pub fn duplicate(&self) -> Grammar {
        Grammar {
            matcher: self.matcher.deep_clone(),
            closer: self.closer.clone(),
            is_json: self.is_json,
            trie: self.trie.clone(),
            ends: self.ends.clone(),
            ended: self.ended,
        }
    }

    pub fn is_accepting(&mut self) -> Outcome<bool> {
        self.matcher.is_accepting().map_err(failed)
    }

    pub fn is_terminated(&self) -> bool {
        self.matcher.is_stopped()
    }

    pub fn forced_bytes(&mut self) -> Vec<u8> {
        self.matcher.compute_ff_bytes()
    }

    pub fn can_close(&self) -> bool {
        self.closer.is_some()
    }
}
