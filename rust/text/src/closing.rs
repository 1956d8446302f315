//! The shortest text that completes what a grammar has begun, for answers that run out of tokens.
//!
//! llguidance keeps its Earley chart to itself. So a second recogniser runs beside it, on the same rules
//! and lexemes, and keeps for every symbol begun in a row the least number of bytes that end the text
//! after it. What a token would cost is then known before it is taken.

use crate::closing_lexer::{ClosingLexer, Tail};
use crate::closing_rules::{ClosingRules, Item, Part, UNREACHABLE};
use llguidance::derivre::StateID;
use llguidance::{HashMap, HashSet};
use std::sync::Arc;

/// Beyond this a grammar is too ambiguous to be followed.
const MAX_ITEMS_IN_ROW: usize = 4_000;

/// The cheapest way on after a symbol that began in a row: the item that waits for it; none for the start.
#[derive(Clone, Copy)]
struct Continuation {
    bytes: u32,
    parent: Option<Item>,
}

#[derive(Clone)]
struct Row {
    items: Vec<Item>,
    lexer_start: StateID,
    after: HashMap<u16, Continuation>,
}

/// Where the lexer is: fresh between two lexemes.
#[derive(Clone, Copy)]
struct Place {
    rows: usize,
    state: StateID,
    fresh: bool,
}

/// The state of one sequence. Clones share nothing that changes.
#[derive(Clone)]
pub struct Closer {
    rules: Arc<ClosingRules>,
    lexer: ClosingLexer,
    rows: Vec<Row>,
    place: Place,
    history: Vec<Place>,
}

/// What comes next on the cheapest way to the end: the rest of the lexeme, and the item behind it.
struct Next {
    bytes: u32,
    tail: Tail,
    item: Option<Item>,
}

impl Closer {
    pub fn new(rules: Arc<ClosingRules>, lexer: ClosingLexer) -> Option<Closer> {
        let mut closer = Closer {
            rules,
            lexer,
            rows: Vec::new(),
            place: Place { rows: 0, state: StateID::DEAD, fresh: true },
            history: Vec::new(),
        };
        let start = closer.rules.start_items();
        closer.push_row(start)?;
        Some(closer)
    }

    /// Takes one token; nothing if it does not fit the grammar, which leaves the state as it was.
    pub fn push(&mut self, part: Part) -> Option<()> {
        let before = self.place;
        let done = match part {
            Part::Bytes(bytes) => bytes.iter().try_for_each(|&byte| self.push_byte(byte)),
            Part::Token(token) => self.push_special(token),
        };
        if done.is_none() {
            self.restore(before);
            return None;
        }
        self.history.push(before);
        Some(())
    }

    /// Counts a token without text, for pop().
    pub fn hold(&mut self) {
        self.history.push(self.place);
    }

    /// Undoes the last push.
    pub fn pop(&mut self) {
        if let Some(before) = self.history.pop() {
            self.restore(before);
        }
    }

    /// The least number of bytes that complete the text.
    pub fn bytes_to_close(&mut self) -> Option<u32> {
        self.next().map(|next| next.bytes).filter(|&bytes| bytes < UNREACHABLE)
    }

    /// A shortest completion. Where lexemes could run into each other it may be none: see `completion`.
    pub fn guess(&mut self) -> Option<Vec<Part>> {
        let next = self.next().filter(|next| next.bytes < UNREACHABLE)?;
        let mut parts = vec![Part::Bytes(next.tail.bytes.clone())];
        if let Some(item) = next.item {
            self.write_rest(item, &mut parts);
        }
        Some(Part::joined(parts))
    }

    /// A shortest completion, checked by taking it.
    pub fn completion(&mut self) -> Option<Vec<Part>> {
        let parts = self.guess()?;
        let depth = self.history.len();
        let taken = parts.iter().try_for_each(|part| self.push(part.clone()));
        let complete = taken.is_some() && self.bytes_to_close() == Some(0);
        while self.history.len() > depth {
            self.pop();
        }
        complete.then_some(parts)
    }

    fn restore(&mut self, place: Place) {
        self.rows.truncate(place.rows);
        self.place = place;
    }

    fn push_byte(&mut self, byte: u8) -> Option<()> {
        let state = self.lexer.step(self.place.state, byte);
        if state.is_dead() {
            let ended = self.lexer.ends_greedily(self.place.state);
            self.scan(&ended)?;
            let state = self.lexer.step(self.place.state, byte);
            return self.enter(state, true);
        }
        self.enter(state, false)
    }

    /// The lexer has moved on to `state`; `first` says that the byte before was the lexeme's first.
    fn enter(&mut self, state: StateID, first: bool) -> Option<()> {
        if state.is_dead() {
            return None;
        }
        if state.has_lowest_match() {
            let ended = self.lexer.ends_at_once(state)?;
            return self.scan(&ended);
        }
        if first && self.lexer.is_forced_end(state) {
            let ended = self.lexer.ends_greedily(state);
            return self.scan(&ended);
        }
        self.place.state = state;
        self.place.fresh = false;
        Some(())
    }

    fn push_special(&mut self, token: u32) -> Option<()> {
        if !self.place.fresh {
            let ended = self.lexer.ends_greedily(self.place.state);
            self.scan(&ended)?;
        }
        let lexemes = self.rules.lexemes_of_special(token);
        self.scan(&lexemes)
    }

    /// Goes on to the row behind one of these lexemes.
    fn scan(&mut self, lexemes: &[u32]) -> Option<()> {
        let row = self.rows.last()?;
        if lexemes.iter().any(|&lexeme| self.rules.is_skip(lexeme)) {
            let copy = row.clone();
            return self.add_row(copy.items, copy.lexer_start);
        }
        let kernel: Vec<Item> = row
            .items
            .iter()
            .filter(|item| self.rules.lexeme_at(**item).is_some_and(|l| lexemes.contains(&l)))
            .map(Item::advanced)
            .collect();
        if kernel.is_empty() {
            return None;
        }
        self.push_row(kernel)
    }

    /// Completes and predicts from the kernel (Earley 1970, with nullable symbols as in Aycock & Horspool).
    fn push_row(&mut self, kernel: Vec<Item>) -> Option<()> {
        let here = self.rows.len() as u32;
        let mut items = kernel;
        let mut known: HashSet<Item> = items.iter().copied().collect();
        let mut add = |items: &mut Vec<Item>, item: Item| {
            if known.insert(item) {
                items.push(item);
            }
        };
        let mut at = 0;
        while at < items.len() {
            if items.len() > MAX_ITEMS_IN_ROW {
                return None;
            }
            let item = items[at];
            at += 1;
            let Some(symbol) = self.rules.symbol_at(item) else {
                if item.start < here {
                    let waiting = &self.rows[item.start as usize].items;
                    let lhs = self.rules.lhs(item);
                    for parent in waiting.iter().filter(|p| self.rules.symbol_at(**p) == Some(lhs))
                    {
                        add(&mut items, parent.advanced());
                    }
                }
                continue;
            };
            for rule in self.rules.rules_of(symbol) {
                add(&mut items, Item { rule, dot: 0, start: here });
            }
            if self.rules.is_nullable(symbol) {
                add(&mut items, item.advanced());
            }
        }
        let allowed = self.rules.allowed_lexemes(&items);
        let lexer_start = self.lexer.start_of(&allowed);
        self.add_row(items, lexer_start)
    }

    fn add_row(&mut self, items: Vec<Item>, lexer_start: StateID) -> Option<()> {
        if self.lexer.failed() {
            return None;
        }
        let mut row = Row { items, lexer_start, after: HashMap::default() };
        self.find_continuations(&mut row);
        self.rows.push(row);
        self.place = Place { rows: self.rows.len(), state: lexer_start, fresh: true };
        Some(())
    }

    /// Relaxes until nothing gets cheaper: items of the row may wait for each other.
    fn find_continuations(&self, row: &mut Row) {
        let here = self.rows.len() as u32;
        if here == 0 {
            row.after.insert(self.rules.start(), Continuation { bytes: 0, parent: None });
        }
        let mut changed = true;
        while changed {
            changed = false;
            for &item in &row.items {
                let Some(symbol) = self.rules.symbol_at(item) else { continue };
                let behind = self.after(row, here, item);
                let bytes = self.rules.rest(item.advanced()).saturating_add(behind);
                if bytes >= UNREACHABLE {
                    continue;
                }
                let best = row
                    .after
                    .entry(symbol)
                    .or_insert(Continuation { bytes: UNREACHABLE, parent: None });
                if bytes < best.bytes {
                    *best = Continuation { bytes, parent: Some(item) };
                    changed = true;
                }
            }
        }
    }

    /// The least number of bytes behind the rule of the item.
    fn after(&self, row: &Row, here: u32, item: Item) -> u32 {
        let origin = if item.start == here { row } else { &self.rows[item.start as usize] };
        origin.after.get(&self.rules.lhs(item)).map_or(UNREACHABLE, |found| found.bytes)
    }

    fn cost_behind(&self, item: Item) -> u32 {
        let row = &self.rows[item.start as usize];
        let after = row.after.get(&self.rules.lhs(item)).map_or(UNREACHABLE, |c| c.bytes);
        self.rules.rest(item).saturating_add(after)
    }

    /// Nothing more is needed. Only between lexemes.
    fn is_accepting(&self) -> bool {
        if self.rows.len() == 1 && self.rules.is_nullable(self.rules.start()) {
            return true;
        }
        self.rows.last().is_some_and(|row| row.items.iter().any(|item| self.is_end(*item)))
    }

    fn is_end(&self, item: Item) -> bool {
        item.start == 0
            && self.rules.symbol_at(item).is_none()
            && self.rules.lhs(item) == self.rules.start()
    }

    fn next(&mut self) -> Option<Next> {
        if self.place.fresh {
            return self.next_between_lexemes();
        }
        let tails = self.lexer.tails(self.place.state);
        let mut best: Option<Next> = None;
        for tail in tails.iter() {
            if let Some(next) = self.next_behind(tail) {
                if best.as_ref().is_none_or(|found| next.bytes < found.bytes) {
                    best = Some(next);
                }
            }
        }
        best
    }

    fn next_behind(&mut self, tail: &Tail) -> Option<Next> {
        let length = tail.bytes.len() as u32;
        if tail.lexemes.iter().any(|&lexeme| self.rules.is_skip(lexeme)) {
            let next = self.next_between_lexemes()?;
            let mut joined = tail.bytes.clone();
            joined.extend_from_slice(&next.tail.bytes);
            let tail = Tail { bytes: joined, lexemes: next.tail.lexemes };
            return Some(Next { bytes: next.bytes.saturating_add(length), tail, item: next.item });
        }
        let row = self.rows.last()?;
        let items = row.items.iter().filter(|item| {
            self.rules.lexeme_at(**item).is_some_and(|lexeme| tail.lexemes.contains(&lexeme))
        });
        let best = items.map(|item| item.advanced()).min_by_key(|item| self.cost_behind(*item))?;
        let bytes = length.saturating_add(self.cost_behind(best));
        Some(Next { bytes, tail: tail.clone(), item: Some(best) })
    }

    fn next_between_lexemes(&mut self) -> Option<Next> {
        if self.is_accepting() {
            return Some(Next { bytes: 0, tail: Tail::default(), item: None });
        }
        let row = self.rows.last()?;
        let cost = |item: &Item| self.cost_behind(*item);
        let lexeme = |item: &&Item| self.rules.lexeme_at(**item).is_some();
        let best = *row.items.iter().filter(lexeme).min_by_key(|item| cost(item))?;
        Some(Next { bytes: cost(&best), tail: Tail::default(), item: Some(best) })
    }

    /// The cheapest text from the dot of the item to the end.
    fn write_rest(&self, item: Item, parts: &mut Vec<Part>) {
        let mut at = Some(item);
        while let Some(item) = at {
            self.rules.write_rest(item, parts);
            let row = &self.rows[item.start as usize];
            let parent = row.after.get(&self.rules.lhs(item)).and_then(|found| found.parent);
            at = parent.map(|parent| parent.advanced());
        }
    }
}
