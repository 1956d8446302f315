//! What each token of a tokenizer stands for inside a text.
//!
//! Most decoders work token by token, so the text of a sequence is the concatenation of the tokens' pieces;
//! that makes streaming exact. Decoders that look at neighbours (WordPiece's clean-up, CTC) do not, and are
//! marked so.

use crate::boundary::*;
use serde_json::Value;
use tokenizers::Tokenizer;

/// Ids above this are refused: the table holds a row for every id up to the highest.
const MAX_TOKENS: usize = 1 << 22;

const FLAG_SPECIAL: u8 = 1;

#[repr(C)]
pub struct TokenTable {
    names: Bytes,
    name_ends: Ids,
    pieces: Bytes,
    piece_ends: Ids,
    flags: Bytes,
    by_piece: u8,
    strips_leading_space: u8,
}

/// One step of a decoder that looks at a single token.
enum Step {
    Replace { from: String, to: String },
    Strip { content: char, start: usize, stop: usize },
    ByteFallback,
    ByteLevel,
}

#[derive(Default)]
struct Decoding {
    steps: Vec<Step>,
    strips_leading_space: bool,
}

/// The decoder as steps, or None if it cannot be written so. `decoder` is its JSON form.
fn analyse(decoder: &Value) -> Option<Decoding> {
    let mut decoding = Decoding::default();
    let mut fused = false;
    let single = std::slice::from_ref(decoder);
    let steps = match decoder["type"].as_str()? {
        "Sequence" => decoder["decoders"].as_array()?.as_slice(),
        _ => single,
    };
    for step in steps {
        match step["type"].as_str()? {
            "ByteLevel" => decoding.steps.push(Step::ByteLevel),
            "ByteFallback" => decoding.steps.push(Step::ByteFallback),
            "Fuse" => fused = true,
            "Replace" => decoding.steps.push(Step::Replace {
                from: step["pattern"]["String"].as_str()?.to_string(),
                to: step["content"].as_str()?.to_string(),
            }),
            "Metaspace" => {
                decoding.strips_leading_space = step["prepend_scheme"].as_str() != Some("never");
                decoding.steps.push(Step::Replace {
                    from: step["replacement"].as_str()?.to_string(),
                    to: " ".to_string(),
                });
            }
            "Strip" => {
                let content = step["content"].as_str()?.chars().next()?;
                let start = step["start"].as_u64()? as usize;
                let stop = step["stop"].as_u64()? as usize;
                match (fused, content, start, stop) {
                    (true, ' ', 1, 0) => decoding.strips_leading_space = true,
                    (true, ..) => return None,
                    (false, ..) => decoding.steps.push(Step::Strip { content, start, stop }),
                }
            }
            _ => return None,
        }
    }
    Some(decoding)
}

/// GPT-2's table: the byte that a printable character stands for.
fn byte_of_char(c: char) -> Option<u8> {
    let code = c as u32;
    match code {
        0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff => Some(code as u8),
        0x100..=0x143 => {
            // The other 68 bytes, in order: 0x00-0x20, 0x7f-0xa0, 0xad.
            let index = code - 0x100;
            Some(match index {
                0..=0x20 => index as u8,
                0x21..=0x42 => (index - 0x21 + 0x7f) as u8,
                _ => 0xad,
            })
        }
        _ => None,
    }
}

fn fallback_byte(token: &str) -> Option<u8> {
    let hex = token.strip_prefix("<0x")?.strip_suffix('>')?;
    if hex.len() == 2 {
        u8::from_str_radix(hex, 16).ok()
    } else {
        None
    }
}

fn strip(token: &str, content: char, start: usize, stop: usize) -> &str {
    let mut result = token;
    for _ in 0..start {
        result = result.strip_prefix(content).unwrap_or(result);
    }
    for _ in 0..stop {
        result = result.strip_suffix(content).unwrap_or(result);
    }
    result
}

fn piece(name: &str, steps: &[Step]) -> Vec<u8> {
    let mut text = name.to_string();
    for step in steps {
        match step {
            Step::Replace { from, to } => text = text.replace(from.as_str(), to),
            Step::Strip { content, start, stop } => {
                text = strip(&text, *content, *start, *stop).to_string();
            }
            Step::ByteFallback => {
                if let Some(byte) = fallback_byte(&text) {
                    return vec![byte];
                }
            }
            Step::ByteLevel => {
                let bytes: Option<Vec<u8>> = text.chars().map(byte_of_char).collect();
                return bytes.unwrap_or_else(|| text.into_bytes());
            }
        }
    }
    text.into_bytes()
}

/// A token of a WordPiece vocabulary: whole words bring their space with them.
fn word_piece(name: &str, prefix: &str) -> Vec<u8> {
    match name.strip_prefix(prefix) {
        Some(rest) if !prefix.is_empty() => rest.as_bytes().to_vec(),
        _ => format!(" {name}").into_bytes(),
    }
}

struct Column {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Column {
    fn new(rows: usize) -> Self {
        Column { bytes: Vec::new(), ends: Vec::with_capacity(rows) }
    }
    fn push(&mut self, value: &[u8]) -> Outcome<()> {
        self.bytes.extend_from_slice(value);
        let end = u32::try_from(self.bytes.len())
            .map_err(|_| Failure::invalid("the names of all tokens together exceed 4 GiB"))?;
        self.ends.push(end);
        Ok(())
    }
}

fn token_count(tokenizer: &Tokenizer) -> Outcome<usize> {
    let highest = tokenizer.get_vocab(true).into_values().max();
    let count = highest.map_or(0, |id| id as usize + 1);
    if count > MAX_TOKENS {
        return Err(Failure::invalid(format!(
            "token id {} is too high: at most {MAX_TOKENS} tokens are supported",
            count - 1
        )));
    }
    Ok(count)
}

pub fn token_table(tokenizer: &Tokenizer) -> Outcome<TokenTable> {
    let decoder = serde_json::to_value(tokenizer.get_decoder())
        .map_err(|e| Failure::new(INTERNAL, e.to_string()))?;
    let decoding = analyse(&decoder);
    let prefix = match decoder["type"].as_str() {
        Some("WordPiece") => decoder["prefix"].as_str(),
        _ => None,
    };
    let count = token_count(tokenizer)?;
    let added = tokenizer.get_added_vocabulary();
    let (mut names, mut pieces) = (Column::new(count), Column::new(count));
    let mut flags = vec![0u8; count];
    for id in 0..count as u32 {
        let Some(decoded_name) = tokenizer.id_to_token(id) else {
            names.push(b"")?;
            pieces.push(b"")?;
            continue;
        };
        let added_token = added.get_added_tokens_decoder().get(&id);
        names.push(added_token.map_or(&decoded_name, |t| &t.content).as_bytes())?;
        pieces.push(&match (&decoding, prefix) {
            (Some(decoding), _) => piece(&decoded_name, &decoding.steps),
            (None, Some(prefix)) if added_token.is_none() => word_piece(&decoded_name, prefix),
            _ => decoded_name.into_bytes(),
        })?;
        if added_token.is_some_and(|t| t.special) {
            flags[id as usize] |= FLAG_SPECIAL;
        }
    }
    Ok(TokenTable {
        names: names.bytes.into(),
        name_ends: names.ends.into(),
        pieces: pieces.bytes.into(),
        piece_ends: pieces.ends.into(),
        flags: flags.into(),
        by_piece: decoding.is_some().into(),
        strips_leading_space: decoding.is_some_and(|d| d.strips_leading_space).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_one_printable_character() {
        let mut seen = [false; 256];
        for byte in (0..0x144).filter_map(char::from_u32).filter_map(byte_of_char) {
            assert!(!seen[byte as usize], "byte {byte} twice");
            seen[byte as usize] = true;
        }
        assert!(seen.iter().all(|&s| s));
    }

    #[test]
    fn a_decoder_that_looks_at_neighbours_is_not_by_piece() {
        assert!(analyse(&serde_json::json!({"type": "WordPiece", "prefix": "##"})).is_none());
        assert!(analyse(&serde_json::json!({"type": "ByteLevel"})).is_some());
        assert!(analyse(&Value::Null).is_none());
    }
}
