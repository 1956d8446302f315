//! `tojson` with the behaviour of Python's `json.dumps`, as chat templates expect it, and Python's `repr`.

use minijinja::value::{Kwargs, Rest, ValueKind, ValueOrKwargs};
use minijinja::{Error, ErrorKind, State, Value};
use std::fmt::Write;

/// Deeper values than this are refused, as Python refuses them near its recursion limit.
const MAX_DEPTH: usize = 200;

/// Fuel for writing: this many bytes cost one step.
const BYTES_PER_FUEL: usize = 4;

struct Style {
    ensure_ascii: bool,
    indent: Option<String>,
    item_separator: String,
    key_separator: String,
    sort_keys: bool,
}

fn type_error(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

impl Style {
    /// `tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False)`
    fn from_args(mut args: Vec<Value>) -> Result<Style, Error> {
        let kwargs = match args.last() {
            Some(last) if last.is_kwargs() => Kwargs::try_from(args.pop().unwrap_or_default())?,
            _ => Kwargs::from_iter(std::iter::empty::<(String, Value)>()),
        };
        if args.len() > 4 {
            return Err(Error::from(ErrorKind::TooManyArguments));
        }
        let mut positional = args.into_iter();
        let mut argument = |name: &str| -> Result<Option<Value>, Error> {
            let value = match positional.next() {
                Some(value) => Some(value),
                None => kwargs.get::<Option<Value>>(name)?,
            };
            Ok(value.filter(|v| !v.is_none() && !v.is_undefined()))
        };
        let ensure_ascii = argument("ensure_ascii")?.is_some_and(|v| v.is_true());
        let indent = argument("indent")?.map(indentation).transpose()?;
        let separators = argument("separators")?;
        let sort_keys = argument("sort_keys")?.is_some_and(|v| v.is_true());
        kwargs.assert_all_used()?;
        let (item_separator, key_separator) = match separators {
            Some(pair) => separator_pair(&pair)?,
            None if indent.is_some() => (",".to_string(), ": ".to_string()),
            None => (", ".to_string(), ": ".to_string()),
        };
        Ok(Style { ensure_ascii, indent, item_separator, key_separator, sort_keys })
    }
}

fn indentation(value: Value) -> Result<String, Error> {
    if let Some(text) = value.as_str() {
        return Ok(text.to_string());
    }
    let width = match value.kind() {
        ValueKind::Bool => i64::from(value.is_true()),
        _ => value.as_i64().ok_or_else(|| type_error("tojson: indent must be a number or text"))?,
    };
    if width > 64 {
        return Err(type_error(format!("tojson: indent {width} is more than 64")));
    }
    Ok(" ".repeat(width.max(0) as usize))
}

fn separator_pair(value: &Value) -> Result<(String, String), Error> {
    let parts: Vec<Value> = value.try_iter()?.take(3).collect();
    match parts.as_slice() {
        [item, key] => match (item.as_str(), key.as_str()) {
            (Some(item), Some(key)) => Ok((item.to_string(), key.to_string())),
            _ => Err(type_error("tojson: separators must be texts")),
        },
        _ => Err(type_error("tojson: separators must be two texts")),
    }
}

/// A float as Python's `repr` writes it.
pub fn python_float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_string();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_string();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{value}");
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

struct Writer<'a, 's> {
    style: &'a Style,
    state: &'a State<'s, 's>,
    out: String,
    charged: usize,
}

impl Writer<'_, '_> {
    fn charge(&mut self) -> Result<(), Error> {
        let fuel = (self.out.len() - self.charged) / BYTES_PER_FUEL;
        if fuel > 0 {
            self.state.consume_fuel(fuel as u64)?;
            self.charged += fuel * BYTES_PER_FUEL;
        }
        Ok(())
    }

    fn string(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                '\u{8}' => self.out.push_str("\\b"),
                '\u{c}' => self.out.push_str("\\f"),
                c if (c as u32) < 0x20 => self.unicode_escape(c),
                c if self.style.ensure_ascii && !(' '..='~').contains(&c) => self.unicode_escape(c),
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }

    fn unicode_escape(&mut self, c: char) {
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(self.out, "\\u{unit:04x}");
        }
    }

    fn line(&mut self, depth: usize) {
        if let Some(indent) = &self.style.indent {
            self.out.push('\n');
            for _ in 0..depth {
                self.out.push_str(indent);
            }
        }
    }

    fn separate(&mut self, first: &mut bool, depth: usize) {
        if !std::mem::replace(first, false) {
            self.out.push_str(&self.style.item_separator);
        }
        self.line(depth);
    }

    fn sequence(&mut self, value: &Value, depth: usize) -> Result<(), Error> {
        self.out.push('[');
        let mut first = true;
        for item in value.try_iter()? {
            self.separate(&mut first, depth + 1);
            self.value(&item, depth + 1)?;
        }
        if !first {
            self.line(depth);
        }
        self.out.push(']');
        Ok(())
    }

    fn mapping(&mut self, value: &Value, depth: usize) -> Result<(), Error> {
        let mut keys: Vec<Value> = value.try_iter()?.collect();
        if self.style.sort_keys {
            keys.sort();
        }
        self.out.push('{');
        let mut first = true;
        for key in keys {
            self.separate(&mut first, depth + 1);
            self.string(&key_text(&key)?);
            self.out.push_str(&self.style.key_separator);
            self.value(&value.get_item(&key)?, depth + 1)?;
        }
        if !first {
            self.line(depth);
        }
        self.out.push('}');
        Ok(())
    }

    fn value(&mut self, value: &Value, depth: usize) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            return Err(type_error(format!("tojson: value is nested deeper than {MAX_DEPTH}")));
        }
        match value.kind() {
            ValueKind::None => self.out.push_str("null"),
            ValueKind::Bool => self.out.push_str(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number => self.out.push_str(&number_text(value)),
            ValueKind::String => self.string(value.as_str().unwrap_or_default()),
            ValueKind::Seq | ValueKind::Iterable => self.sequence(value, depth)?,
            ValueKind::Map => self.mapping(value, depth)?,
            kind => return Err(type_error(format!("tojson: {kind} is not JSON serializable"))),
        }
        self.charge()
    }
}

fn number_text(value: &Value) -> String {
    if value.is_integer() {
        return value.to_string();
    }
    f64::try_from(value.clone()).map_or_else(|_| value.to_string(), python_float)
}

fn key_text(key: &Value) -> Result<String, Error> {
    Ok(match key.kind() {
        ValueKind::String => key.as_str().unwrap_or_default().to_string(),
        ValueKind::None => "null".to_string(),
        ValueKind::Bool => if key.is_true() { "true" } else { "false" }.to_string(),
        ValueKind::Number => number_text(key),
        kind => return Err(type_error(format!("tojson: {kind} cannot be a key"))),
    })
}

pub fn tojson(state: &State, value: &Value, args: Rest<ValueOrKwargs>) -> Result<String, Error> {
    let style = Style::from_args(args.into_values())?;
    let mut writer = Writer { style: &style, state, out: String::new(), charged: 0 };
    writer.value(value, 0)?;
    Ok(writer.out)
}

#[cfg(test)]
mod tests {
    use super::python_float;

    #[test]
    fn floats_are_written_as_python_does() {
        for (value, text) in [
            (0.1, "0.1"),
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (f64::INFINITY, "Infinity"),
        ] {
            assert_eq!(python_float(value), text);
        }
    }
}
