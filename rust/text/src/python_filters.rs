//! The filters of Jinja2, with their work on nested values paid for.
//!
//! `bytecode` puts calls of `|name` where a template applies the filter `name`; filters that Jinja2 does not
//! have are unknown here too.

use crate::python_methods::split_lines;
use crate::python_operators::{items, pay_for_format};
use crate::python_values::{invalid, is_container, measure, text};
use minijinja::value::{from_args, Kwargs, Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, Value};

/// What a filter does with nested values.
#[derive(Clone, Copy, PartialEq)]
enum Work {
    /// Looks at the items of its argument, not into them.
    Shallow,
    /// Writes, compares or hashes whole values.
    Deep,
    /// Compares whole values again and again.
    Sorting,
    /// Makes values that hold others.
    Nesting,
}

use Work::{Deep, Nesting, Shallow, Sorting};

const FILTERS: [(&str, Work); 47] = [
    ("|abs", Shallow),
    ("|attr", Shallow),
    ("|batch", Nesting),
    ("|capitalize", Deep),
    ("|center", Shallow),
    ("|count", Shallow),
    ("|d", Shallow),
    ("|default", Shallow),
    ("|dictsort", Sorting),
    ("|e", Deep),
    ("|escape", Deep),
    ("|filesizeformat", Deep),
    ("|first", Shallow),
    ("|float", Deep),
    ("|format", Deep),
    ("|groupby", Sorting),
    ("|indent", Deep),
    ("|int", Deep),
    ("|items", Nesting),
    ("|join", Deep),
    ("|last", Shallow),
    ("|length", Shallow),
    ("|list", Shallow),
    ("|lower", Deep),
    ("|map", Nesting),
    ("|max", Sorting),
    ("|min", Sorting),
    ("|pprint", Deep),
    ("|reject", Shallow),
    ("|rejectattr", Shallow),
    ("|replace", Deep),
    ("|reverse", Shallow),
    ("|round", Shallow),
    ("|safe", Deep),
    ("|select", Shallow),
    ("|selectattr", Shallow),
    ("|slice", Nesting),
    ("|sort", Sorting),
    ("|string", Deep),
    ("|striptags", Deep),
    ("|sum", Deep),
    ("|title", Deep),
    ("|tojson", Shallow),
    ("|trim", Deep),
    ("|truncate", Deep),
    ("|unique", Sorting),
    ("|upper", Deep),
];

/// The name of the function that stands for a filter.
pub fn function_name(filter: &str) -> Option<&'static str> {
    FILTERS.iter().map(|(name, _)| *name).find(|name| &name[1..] == filter)
}

fn apply(state: &mut State, name: &str, work: Work, args: &[Value]) -> Result<Value, Error> {
    if let Some(text) = args.first().and_then(|value| value.as_str()) {
        state.consume_fuel((text.len() / 64) as u64)?;
    }
    // Sorting compares each item with log2(count) others.
    let rounds = match work {
        Shallow => 0,
        Deep | Nesting => 1,
        Sorting => 1 + args.first().and_then(Value::len).unwrap_or(0).max(1).ilog2(),
    };
    for arg in args.iter().filter(|arg| is_container(arg)) {
        for _ in 0..rounds {
            measure(state, arg)?;
        }
    }
    let result = state.apply_filter(name, args)?;
    if result.kind() == ValueKind::Iterable {
        // Lazy results would nest with each further filter.
        let result = Value::from(items(state, &result)?);
        measure(state, &result)?;
        return Ok(result);
    }
    if matches!(work, Nesting | Sorting) {
        measure(state, &result)?;
    }
    Ok(result)
}

/// `x|string`: what Python's str() makes.
fn string(value: &Value) -> Value {
    if value.kind() == ValueKind::String {
        return value.clone();
    }
    Value::from(text(value))
}

/// Python's `text.center(width, fill)`.
pub fn centered(text: &str, width: usize, fill: &str) -> String {
    let missing = width.saturating_sub(text.chars().count());
    // An odd space goes to the left when the width is odd, as in Python.
    let left = missing / 2 + (missing & width & 1);
    fill.repeat(left) + text + &fill.repeat(missing - left)
}

fn center(state: &State, value: &str, width: Option<Value>) -> Result<String, Error> {
    let width = bounded_width(width, 80)?;
    state.consume_fuel((width / 32) as u64)?;
    Ok(centered(value, width, " "))
}

/// `x|format(...)` as `map` applies it.
fn format(state: &mut State, format: &Value, args: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let args = args.into_values();
    pay_for_format(state, format.as_str().unwrap_or_default(), &args)?;
    let (args,): (Rest<ValueOrKwargs>,) = from_args(&args)?;
    minijinja::filters::format(state, format, args)
}

/// `x|join(d='', attribute=None)` with Python's str() of the items.
fn join(state: &State, value: &Value, args: Rest<ValueOrKwargs>) -> Result<String, Error> {
    const MAX_BYTES: usize = 32 << 20;
    let [separator, attribute] = arguments(args, ["d", "attribute"])?;
    let separator = separator.as_ref().map(text).unwrap_or_default();
    let mut result = String::new();
    for (index, item) in items(state, value)?.iter().enumerate() {
        state.consume_fuel((separator.len() / 32) as u64)?;
        if index > 0 {
            result.push_str(&separator);
        }
        match attribute.as_ref().and_then(|name| name.as_str()) {
            Some(name) => result.push_str(&text(&item.get_attr(name)?)),
            None => result.push_str(&text(item)),
        }
        if result.len() > MAX_BYTES {
            return Err(invalid(format!("join: the text is longer than {MAX_BYTES} bytes")));
        }
    }
    Ok(result)
}

/// The arguments of a filter by place or by name, as many as there are names.
fn arguments<const N: usize>(
    args: Rest<ValueOrKwargs>,
    names: [&str; N],
) -> Result<[Option<Value>; N], Error> {
    let mut args = args.into_values();
    let kwargs = match args.last() {
        Some(last) if last.is_kwargs() => Kwargs::try_from(args.pop().unwrap_or_default())?,
        _ => Kwargs::from_iter(std::iter::empty::<(String, Value)>()),
    };
    if args.len() > N {
        return Err(Error::from(ErrorKind::TooManyArguments));
    }
    let mut result = [const { None }; N];
    for (index, name) in names.into_iter().enumerate() {
        result[index] = match args.get(index) {
            Some(value) => Some(value.clone()),
            None => kwargs.get::<Option<Value>>(name)?,
        };
    }
    kwargs.assert_all_used()?;
    Ok(result)
}

fn is_true(value: &Option<Value>) -> bool {
    value.as_ref().is_some_and(Value::is_true)
}

fn bounded_width(value: Option<Value>, usual: usize) -> Result<usize, Error> {
    const MAX_WIDTH: usize = 1 << 16;
    let Some(value) = value else { return Ok(usual) };
    match usize::try_from(value)? {
        width if width > MAX_WIDTH => {
            Err(invalid(format!("a width of {width} is more than {MAX_WIDTH}")))
        }
        width => Ok(width),
    }
}

/// `x|indent(width=4, first=False, blank=False)`. A width may be the indentation itself.
fn indent(state: &State, value: &Value, args: Rest<ValueOrKwargs>) -> Result<String, Error> {
    let [width, first, blank] = arguments(args, ["width", "first", "blank"])?;
    let (first, blank) = (is_true(&first), is_true(&blank));
    let indentation = match width {
        Some(width) if width.as_str().is_some() => text(&width),
        width => " ".repeat(bounded_width(width, 4)?),
    };
    // A line end at the end of the text is followed by one more, empty line.
    let value = text(value) + "\n";
    let mut result = String::new();
    for (index, line) in split_lines(&value, false).enumerate() {
        state.consume_fuel(1 + (indentation.len() / 32) as u64)?;
        if index > 0 {
            result.push('\n');
        }
        if (index == 0 && first) || (index > 0 && (blank || !line.is_empty())) {
            result.push_str(&indentation);
        }
        result.push_str(line);
    }
    Ok(result)
}

/// `x|truncate(length=255, killwords=False, end='...', leeway=5)`
fn truncate(value: &str, args: Rest<ValueOrKwargs>) -> Result<String, Error> {
    let [length, kill_words, end, leeway] =
        arguments(args, ["length", "killwords", "end", "leeway"])?;
    let end = end.as_ref().map_or_else(|| "...".to_string(), text);
    let (length, leeway) = (bounded_width(length, 255)?, bounded_width(leeway, 5)?);
    if value.chars().count() <= length + leeway {
        return Ok(value.to_string());
    }
    let kept: String = value.chars().take(length.saturating_sub(end.chars().count())).collect();
    let words = if is_true(&kill_words) { None } else { kept.rsplit_once(' ') };
    Ok(words.map_or(kept.as_str(), |(words, _)| words).to_string() + &end)
}

/// Python's `int(text, base)`.
fn parse_integer(text: &str, base: u32) -> Option<i128> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let prefix = match base {
        16 => ["0x", "0X"],
        8 => ["0o", "0O"],
        2 => ["0b", "0B"],
        _ => ["", ""],
    };
    let digits = prefix.iter().find_map(|p| digits.strip_prefix(p)).unwrap_or(digits);
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let value = i128::from_str_radix(&digits.replace('_', ""), base).ok()?;
    Some(if negative { -value } else { value })
}

fn parse_float(value: &Value) -> Option<f64> {
    match value.as_str() {
        Some(text) => text.trim().parse().ok(),
        None if value.kind() == ValueKind::Bool => Some(f64::from(u8::from(value.is_true()))),
        None => f64::try_from(value.clone()).ok().filter(|_| value.is_number()),
    }
}

/// `x|int(default=0, base=10)`
fn int(value: &Value, args: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let [default, base] = arguments(args, ["default", "base"])?;
    let base = base.map_or(Ok(10), u32::try_from)?;
    if !(2..=36).contains(&base) {
        return Err(invalid(format!("int: base {base} is not supported")));
    }
    if value.is_integer() && value.kind() == ValueKind::Number {
        return Ok(value.clone());
    }
    if let Some(integer) = value.as_str().and_then(|text| parse_integer(text, base)) {
        return Ok(i64::try_from(integer).map_or_else(|_| Value::from(integer), Value::from));
    }
    let float = parse_float(value).filter(|float| float.is_finite());
    Ok(match float {
        Some(float) if float.abs() < 9e18 => Value::from(float as i64),
        Some(float) => Value::from(float as i128),
        None => default.unwrap_or_else(|| Value::from(0)),
    })
}

/// `x|float(default=0.0)`
fn float(value: &Value, args: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let [default] = arguments(args, ["default"])?;
    let default = || default.unwrap_or_else(|| Value::from(0.0));
    Ok(parse_float(value).map_or_else(default, Value::from))
}

pub fn register(environment: &mut Environment<'static>) {
    for name in ["bool", "chain", "lines", "split", "zip"] {
        environment.remove_filter(name);
    }
    environment.add_filter("string", string);
    environment.add_filter("format", format);
    environment.add_filter("indent", indent);
    environment.add_filter("join", join);
    environment.add_filter("center", center);
    environment.add_filter("truncate", truncate);
    environment.add_filter("int", int);
    environment.add_filter("float", float);
    environment.add_filter("striptags", minijinja_contrib::filters::striptags);
    environment.add_filter("filesizeformat", minijinja_contrib::filters::filesizeformat);
    for (function, work) in FILTERS {
        let filter = &function[1..];
        environment.add_function(function, move |state: &mut State, args: Rest<ValueOrKwargs>| {
            apply(state, filter, work, &args.into_values())
        });
    }
}
