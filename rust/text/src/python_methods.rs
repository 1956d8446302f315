//! Methods of Python's types that chat templates call and that minijinja's `pycompat` lacks.

use crate::python_filters::centered;
use crate::python_operators::{pay_for_format, pay_for_reading};
use crate::python_values::measure;
use minijinja::value::{from_args, Kwargs, Tuple, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};
use minijinja_contrib::pycompat;

pub fn call(
    state: &mut State,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    for arg in args {
        measure(state, arg)?;
    }
    if let Some(text) = value.as_str() {
        pay_for_text_method(state, text, method, args)?;
    }
    if value.kind() == ValueKind::Map {
        pay_for_reading(state, args.first().and_then(|key| key.as_str()))?;
    }
    if value.kind() == ValueKind::Seq && matches!(method, "index" | "count") {
        measure(state, value)?;
    }
    let own = match value.kind() {
        ValueKind::String => text_method(value.as_str().unwrap_or_default(), method, args),
        ValueKind::Seq => sequence_method(value, method, args),
        ValueKind::Map if method == "copy" => Some(Ok(value.clone())),
        _ => None,
    };
    match own {
        Some(result) => result,
        None => pycompat::unknown_method_callback(state, value, method, args),
    }
}

fn missing(what: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("{what} not found"))
}

fn text_method(text: &str, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
    Some(match method {
        "removeprefix" => one_text(args).map(|p| text.strip_prefix(p).unwrap_or(text).into()),
        "removesuffix" => one_text(args).map(|p| text.strip_suffix(p).unwrap_or(text).into()),
        "casefold" => Ok(text.to_lowercase().into()),
        "index" => one_text(args).and_then(|what| match text.find(what) {
            Some(at) => Ok(text[..at].chars().count().into()),
            None => Err(missing("substring")),
        }),
        "partition" => one_text(args).map(|separator| match text.split_once(separator) {
            Some((left, right)) => triple(left, separator, right),
            None => triple(text, "", ""),
        }),
        "rpartition" => one_text(args).map(|separator| match text.rsplit_once(separator) {
            Some((left, right)) => triple(left, separator, right),
            None => triple("", "", text),
        }),
        "splitlines" => from_args(args).map(|(keep_ends, kwargs): (Option<bool>, Kwargs)| {
            let named = kwargs.get::<Option<bool>>("keepends").ok().flatten();
            let keep_ends = keep_ends.or(named).unwrap_or(false);
            split_lines(text, keep_ends).map(Value::from).collect()
        }),
        "center" | "ljust" | "rjust" | "zfill" => padded(text, method, args),
        "swapcase" => from_args::<()>(args).map(|()| swap_case(text).into()),
        "rsplit" => right_split(text, args),
        "format" => return checked_format(text).err().map(Err),
        _ => return None,
    })
}

fn is_line_end(c: char) -> bool {
    matches!(
        c,
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

/// Python's `text.splitlines(keep_ends)`.
pub fn split_lines(text: &str, keep_ends: bool) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some(at) = rest.find(is_line_end) else { return Some(std::mem::take(&mut rest)) };
        let end = match &rest[at..] {
            tail if tail.starts_with("\r\n") => at + 2,
            tail => at + tail.chars().next().map_or(1, char::len_utf8),
        };
        let line = &rest[..if keep_ends { end } else { at }];
        rest = &rest[end..];
        Some(line)
    })
}

/// Pays for what a method of texts visits and makes beyond its result's size.
fn pay_for_text_method(
    state: &State,
    text: &str,
    method: &str,
    args: &[Value],
) -> Result<(), Error> {
    let separator = args.first().and_then(|arg| arg.as_str()).filter(|part| !part.is_empty());
    let parts = match (method, separator) {
        ("split" | "rsplit", Some(separator)) => text.matches(separator).count(),
        ("split" | "rsplit", None) => text.split_whitespace().count(),
        ("splitlines", _) => split_lines(text, false).count(),
        ("format", _) => {
            pay_for_format(state, text, args)?;
            0
        }
        ("startswith" | "endswith" | "strip" | "lstrip" | "rstrip", _) => return Ok(()),
        _ => text.len() / 32,
    };
    state.consume_fuel(parts as u64)?;
    pay_for_reading(state, Some(text))
}

/// Widths and precisions of str.format() make text that no fuel is charged for.
fn checked_format(text: &str) -> Result<(), Error> {
    const MAX_DIGITS: usize = 4;
    let too_long = text.split(|c: char| !c.is_ascii_digit()).any(|run| run.len() > MAX_DIGITS);
    if text.contains(['{', '}']) && too_long {
        let message = format!("format: numbers of more than {MAX_DIGITS} digits are not supported");
        return Err(Error::new(ErrorKind::InvalidOperation, message));
    }
    Ok(())
}

fn one_text(args: &[Value]) -> Result<&str, Error> {
    from_args::<(&str,)>(args).map(|(text,)| text)
}

fn triple(left: &str, middle: &str, right: &str) -> Value {
    Value::from(Tuple::from([Value::from(left), Value::from(middle), Value::from(right)]))
}

fn right_split(text: &str, args: &[Value]) -> Result<Value, Error> {
    let (separator, limit): (Option<&str>, Option<i64>) = from_args(args)?;
    let limit = limit.filter(|&n| n >= 0).map_or(usize::MAX, |n| (n as usize).saturating_add(1));
    let mut parts: Vec<&str> = match separator {
        Some("") => return Err(Error::new(ErrorKind::InvalidOperation, "empty separator")),
        Some(separator) => text.rsplitn(limit, separator).collect(),
        None if limit == usize::MAX => text.split_whitespace().rev().collect(),
        None => right_split_by_space(text, limit),
    };
    parts.reverse();
    Ok(parts.into_iter().map(Value::from).collect())
}

/// The last `limit` words from the right; the last part is all that is left.
fn right_split_by_space(text: &str, limit: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text.trim_end();
    while !rest.is_empty() {
        match rest.rfind(char::is_whitespace) {
            Some(at) if parts.len() + 1 < limit => {
                let width = rest[at..].chars().next().map_or(1, char::len_utf8);
                parts.push(&rest[at + width..]);
                rest = rest[..at].trim_end();
            }
            _ => {
                parts.push(rest);
                break;
            }
        }
    }
    parts
}

/// `center`, `ljust`, `rjust` and `zfill`.
fn padded(text: &str, method: &str, args: &[Value]) -> Result<Value, Error> {
    const MAX_WIDTH: usize = 1 << 16;
    let (width, fill): (usize, Option<&str>) = from_args(args)?;
    let fill = fill.unwrap_or(if method == "zfill" { "0" } else { " " });
    if width > MAX_WIDTH || fill.chars().count() != 1 {
        let message =
            format!("{method}: the width must be at most {MAX_WIDTH}, the fill one character");
        return Err(Error::new(ErrorKind::InvalidOperation, message));
    }
    let padding = fill.repeat(width.saturating_sub(text.chars().count()));
    Ok(Value::from(match method {
        "center" => centered(text, width, fill),
        "ljust" => text.to_string() + &padding,
        "zfill" if text.starts_with(['+', '-']) => text[..1].to_string() + &padding + &text[1..],
        _ => padding + text,
    }))
}

fn swap_case(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_uppercase() {
            result.extend(c.to_lowercase());
        } else {
            result.extend(c.to_uppercase());
        }
    }
    result
}

fn sequence_method(value: &Value, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
    match method {
        "copy" => Some(Ok(value.clone())),
        "index" => Some(from_args::<(&Value,)>(args).and_then(|(what,)| {
            let at = value.try_iter()?.position(|item| item == *what);
            at.map(Value::from).ok_or_else(|| missing("value"))
        })),
        _ => None,
    }
}
