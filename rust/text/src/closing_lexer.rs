//! The lexer of a grammar, asked for the shortest ways to the ends of its lexemes.

use llguidance::api::ParserLimits;
use llguidance::derivre::{NextByte, StateID};
use llguidance::earley::lexerspec::{LexemeIdx, LexerSpec};
use llguidance::earley::regexvec::{LexemeSet, RegexVec};
use llguidance::{HashMap, HashSet};
use std::collections::VecDeque;
use std::sync::Arc;

/// States that one search may look at. A lexeme whose shortest text lies deeper counts as endless.
const MAX_SEARCHED_STATES: usize = 4_000;
const MAX_STATES: usize = 20_000;

/// What ends a lexeme that has begun, and which lexemes it then may be.
#[derive(Clone, Default)]
pub struct Tail {
    pub bytes: Vec<u8>,
    pub lexemes: Vec<u32>,
}

#[derive(Clone)]
pub struct ClosingLexer {
    dfa: RegexVec,
    lexeme_count: usize,
    /// One byte for each class of bytes that the lexer tells apart, the most readable first.
    alphabet: Vec<u8>,
    tails: HashMap<StateID, Arc<Vec<Tail>>>,
}

fn numbers(lexemes: &[LexemeIdx]) -> Vec<u32> {
    lexemes.iter().map(|lexeme| lexeme.0).collect()
}

fn readable_first() -> impl Iterator<Item = u8> {
    let words = (b'0'..=b'9').chain(b'a'..=b'z').chain(b'A'..=b'Z');
    words.chain(0x20..=0x7E).chain(0..=0xFF)
}

impl ClosingLexer {
    pub fn new(spec: &LexerSpec, limits: &ParserLimits) -> Option<ClosingLexer> {
        let mut limits = limits.clone();
        limits.max_lexer_states = MAX_STATES;
        let mut dfa = spec.to_regex_vec(&mut limits).ok()?;
        dfa.set_fuel(u64::MAX);
        let mut seen = HashSet::default();
        let alphabet =
            readable_first().filter(|&byte| seen.insert(dfa.alpha().map(byte))).collect();
        Some(ClosingLexer {
            dfa,
            lexeme_count: spec.lexemes.len(),
            alphabet,
            tails: HashMap::default(),
        })
    }

    /// Too many states: nothing that it says counts any more.
    pub fn failed(&self) -> bool {
        self.dfa.has_error()
    }

    pub fn start_of(&mut self, lexemes: &[u32]) -> StateID {
        let mut set = LexemeSet::new(self.lexeme_count);
        for &lexeme in lexemes {
            set.add(LexemeIdx::new(lexeme as usize));
        }
        self.dfa.initial_state(&set)
    }

    pub fn step(&mut self, state: StateID, byte: u8) -> StateID {
        if self.dfa.has_error() {
            return StateID::DEAD;
        }
        self.dfa.transition(state, byte)
    }

    /// The lexemes that end here if the next byte belongs to none of them.
    pub fn ends_greedily(&self, state: StateID) -> Vec<u32> {
        numbers(self.dfa.state_desc(state).greedy_accepting.as_slice())
    }

    /// The lexemes that end here whatever comes; nothing if a part of their text is only looked at.
    pub fn ends_at_once(&self, state: StateID) -> Option<Vec<u32>> {
        let found = self.dfa.state_desc(state);
        if found.lazy_hidden_len > 0 {
            return None;
        }
        Some(numbers(found.lazy_accepting.as_slice()))
    }

    pub fn is_forced_end(&mut self, state: StateID) -> bool {
        self.dfa.next_byte(state) == NextByte::ForcedEOI
    }

    /// The shortest text of a lexeme.
    pub fn shortest(&mut self, lexeme: u32) -> Option<Vec<u8>> {
        let start = self.start_of(&[lexeme]);
        let found = self.search(start, 1);
        found.into_iter().map(|tail| tail.bytes).min_by_key(Vec::len)
    }

    /// The shortest ends of the lexemes that are possible after `state`.
    pub fn tails(&mut self, state: StateID) -> Arc<Vec<Tail>> {
        if let Some(known) = self.tails.get(&state) {
            return known.clone();
        }
        let wanted = self.dfa.state_desc(state).possible.iter().count();
        let found = Arc::new(self.search(state, wanted));
        self.tails.insert(state, found.clone());
        found
    }

    /// Breadth first; each of the `wanted` lexemes is reported once, where it can end first.
    fn search(&mut self, from: StateID, wanted: usize) -> Vec<Tail> {
        let mut tails = Vec::new();
        let mut reported: HashSet<u32> = HashSet::default();
        // State, the place of the one before, the byte between them.
        let mut seen = HashSet::from_iter([from]);
        let mut steps: Vec<(StateID, usize, u8)> = vec![(from, usize::MAX, 0)];
        let mut queue = VecDeque::from([0usize]);
        while let Some(at) = queue.pop_front() {
            let state = steps[at].0;
            let ended = if state.has_lowest_match() {
                self.ends_at_once(state).unwrap_or_default()
            } else {
                self.ends_greedily(state)
            };
            let lexemes: Vec<u32> = ended.into_iter().filter(|&l| reported.insert(l)).collect();
            if !lexemes.is_empty() {
                tails.push(Tail { bytes: path_to(&steps, at), lexemes });
            }
            if reported.len() >= wanted || steps.len() > MAX_SEARCHED_STATES {
                break;
            }
            if state.has_lowest_match() {
                continue;
            }
            for i in 0..self.alphabet.len() {
                let byte = self.alphabet[i];
                let next = self.step(state, byte);
                if !next.is_dead() && seen.insert(next) {
                    queue.push_back(steps.len());
                    steps.push((next, at, byte));
                }
            }
        }
        tails
    }
}

fn path_to(steps: &[(StateID, usize, u8)], mut at: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while steps[at].1 != usize::MAX {
        bytes.push(steps[at].2);
        at = steps[at].1;
    }
    bytes.reverse();
    bytes
}
