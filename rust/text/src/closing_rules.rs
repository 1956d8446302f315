//! The rules of a compiled grammar, with the shortest text of every symbol.

use crate::closing_lexer::ClosingLexer;
use llguidance::earley::{CGrammar, CSymIdx};
use llguidance::toktrie::TokTrie;

/// More bytes than any text: it cannot be completed, or nobody knows how.
pub const UNREACHABLE: u32 = 1 << 30;

/// What a special token counts as, in bytes.
const SPECIAL_TOKEN_BYTES: u32 = 4;

/// A piece of text, or a token that stands for no text.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    Bytes(Vec<u8>),
    Token(u32),
}

impl Part {
    /// Neighbouring bytes in one part, empty parts dropped.
    pub fn joined(parts: Vec<Part>) -> Vec<Part> {
        let mut result: Vec<Part> = Vec::new();
        for part in parts {
            match (result.last_mut(), part) {
                (Some(Part::Bytes(last)), Part::Bytes(more)) => last.extend_from_slice(&more),
                (_, Part::Bytes(bytes)) if bytes.is_empty() => {}
                (_, part) => result.push(part),
            }
        }
        result
    }
}

/// A rule with a dot, begun in the row `start`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Item {
    pub rule: u32,
    pub dot: u32,
    pub start: u32,
}

impl Item {
    pub fn advanced(&self) -> Item {
        Item { dot: self.dot + 1, ..*self }
    }
}

struct Rule {
    lhs: u16,
    rhs: Vec<u16>,
    /// Shortest text from each dot on, in bytes.
    rest: Vec<u32>,
}

#[derive(Default)]
struct Symbol {
    lexeme: Option<u32>,
    nullable: bool,
    rules: std::ops::Range<u32>,
    least: u32,
    /// The rule of the shortest text.
    best: Option<u32>,
}

struct Lexeme {
    skip: u32,
    shortest: Option<Part>,
    specials: Vec<u32>,
}

pub struct ClosingRules {
    start: u16,
    symbols: Vec<Symbol>,
    rules: Vec<Rule>,
    lexemes: Vec<Lexeme>,
    skips: Vec<u32>,
}

impl ClosingRules {
    /// Nothing for grammars with features that the closing does not follow.
    pub fn new(
        grammar: &CGrammar,
        trie: &TokTrie,
        lexer: &mut ClosingLexer,
    ) -> Option<ClosingRules> {
        let spec = grammar.lexer_spec();
        if grammar.parametric() || spec.has_stop || spec.has_max_tokens || spec.has_temperature {
            return None;
        }
        let mut rules = ClosingRules {
            start: grammar.start().as_index() as u16,
            symbols: Vec::new(),
            rules: Vec::new(),
            lexemes: Vec::new(),
            skips: spec.skip_by_class.iter().map(|skip| skip.0).collect(),
        };
        rules.read_symbols(grammar);
        rules.read_lexemes(grammar, trie, lexer);
        rules.find_shortest();
        Some(rules)
    }

    /// The symbols that the start reaches, by their index.
    fn read_symbols(&mut self, grammar: &CGrammar) {
        let mut open = vec![grammar.start()];
        while let Some(symbol) = open.pop() {
            let index = symbol.as_index();
            if self.symbols.len() <= index {
                self.symbols.resize_with(index + 1, Symbol::default);
            }
            if !self.symbols[index].rules.is_empty() || self.symbols[index].lexeme.is_some() {
                continue;
            }
            let data = grammar.sym_data(symbol);
            let first = self.rules.len() as u32;
            for &pointer in &data.rules {
                let rhs: &[CSymIdx] = grammar.rule_rhs(pointer).0;
                open.extend_from_slice(rhs);
                let rhs: Vec<u16> = rhs.iter().map(|s| s.as_index() as u16).collect();
                let rest = vec![UNREACHABLE; rhs.len() + 1];
                self.rules.push(Rule { lhs: index as u16, rhs, rest });
            }
            self.symbols[index] = Symbol {
                lexeme: data.lexeme.map(|lexeme| lexeme.0),
                nullable: data.is_nullable,
                rules: first..self.rules.len() as u32,
                least: if data.is_nullable { 0 } else { UNREACHABLE },
                best: None,
            };
        }
    }

    fn read_lexemes(&mut self, grammar: &CGrammar, trie: &TokTrie, lexer: &mut ClosingLexer) {
        let spec = grammar.lexer_spec();
        let specials: Vec<u32> =
            (0..trie.vocab_size() as u32).filter(|&token| trie.is_special_token(token)).collect();
        let used: std::collections::BTreeSet<u32> =
            self.symbols.iter().filter_map(|symbol| symbol.lexeme).collect();
        for (index, lexeme) in spec.lexemes.iter().enumerate() {
            let matching: Vec<u32> =
                specials.iter().copied().filter(|&token| lexeme.contains_token(token)).collect();
            let shortest = match matching.first() {
                Some(&token) => Some(Part::Token(token)),
                None if used.contains(&(index as u32)) => {
                    lexer.shortest(index as u32).map(Part::Bytes)
                }
                None => None,
            };
            let skip = spec.skip_by_class[lexeme.class().as_usize()].0;
            self.lexemes.push(Lexeme { skip, shortest, specials: matching });
        }
    }

    /// Relaxes until nothing gets shorter.
    fn find_shortest(&mut self) {
        for symbol in &mut self.symbols {
            let Some(lexeme) = symbol.lexeme else { continue };
            symbol.least = match &self.lexemes[lexeme as usize].shortest {
                Some(Part::Bytes(bytes)) => bytes.len() as u32,
                Some(Part::Token(_)) => SPECIAL_TOKEN_BYTES,
                None => UNREACHABLE,
            };
        }
        let mut changed = true;
        while changed {
            changed = false;
            for (index, rule) in self.rules.iter().enumerate() {
                let sum = |sum: u32, symbol: &u16| {
                    sum.saturating_add(self.symbols[*symbol as usize].least)
                };
                let least = rule.rhs.iter().fold(0, sum);
                let symbol = &mut self.symbols[rule.lhs as usize];
                if least < symbol.least {
                    symbol.least = least;
                    symbol.best = Some(index as u32);
                    changed = true;
                }
            }
        }
        for rule in &mut self.rules {
            let mut rest = 0u32;
            rule.rest[rule.rhs.len()] = 0;
            for dot in (0..rule.rhs.len()).rev() {
                rest = rest.saturating_add(self.symbols[rule.rhs[dot] as usize].least);
                rule.rest[dot] = rest;
            }
        }
    }

    pub fn start(&self) -> u16 {
        self.start
    }

    pub fn start_items(&self) -> Vec<Item> {
        self.rules_of(self.start).map(|rule| Item { rule, dot: 0, start: 0 }).collect()
    }

    pub fn rules_of(&self, symbol: u16) -> std::ops::Range<u32> {
        self.symbols[symbol as usize].rules.clone()
    }

    pub fn is_nullable(&self, symbol: u16) -> bool {
        self.symbols[symbol as usize].nullable
    }

    pub fn is_skip(&self, lexeme: u32) -> bool {
        self.skips.contains(&lexeme)
    }

    pub fn lhs(&self, item: Item) -> u16 {
        self.rules[item.rule as usize].lhs
    }

    /// What the item waits for; nothing if its rule is complete.
    pub fn symbol_at(&self, item: Item) -> Option<u16> {
        self.rules[item.rule as usize].rhs.get(item.dot as usize).copied()
    }

    pub fn lexeme_at(&self, item: Item) -> Option<u32> {
        self.symbols[self.symbol_at(item)? as usize].lexeme
    }

    /// The shortest text of what the item's rule still needs, in bytes.
    pub fn rest(&self, item: Item) -> u32 {
        self.rules[item.rule as usize].rest[item.dot as usize]
    }

    /// The lexemes that the items wait for, and what may be skipped before them.
    pub fn allowed_lexemes(&self, items: &[Item]) -> Vec<u32> {
        let mut allowed: Vec<u32> = items.iter().filter_map(|item| self.lexeme_at(*item)).collect();
        let skips: Vec<u32> = allowed.iter().map(|&l| self.lexemes[l as usize].skip).collect();
        allowed.extend(skips);
        allowed.sort_unstable();
        allowed.dedup();
        allowed
    }

    pub fn lexemes_of_special(&self, token: u32) -> Vec<u32> {
        (0..self.lexemes.len() as u32)
            .filter(|&lexeme| self.lexemes[lexeme as usize].specials.contains(&token))
            .collect()
    }

    /// The shortest text of what the item's rule still needs.
    pub fn write_rest(&self, item: Item, parts: &mut Vec<Part>) {
        let rule = &self.rules[item.rule as usize];
        let mut open: Vec<u16> = rule.rhs[item.dot as usize..].iter().rev().copied().collect();
        while let Some(symbol) = open.pop() {
            let symbol = &self.symbols[symbol as usize];
            if let Some(lexeme) = symbol.lexeme {
                parts.extend(self.lexemes[lexeme as usize].shortest.clone());
            } else if let Some(rule) = symbol.best {
                open.extend(self.rules[rule as usize].rhs.iter().rev());
            }
        }
    }
}
