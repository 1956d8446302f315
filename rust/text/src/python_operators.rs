//! The operators of templates on Python's terms, with their work paid for.
//!
//! `bytecode` puts calls of these functions where the engine's own operators stood. Their names are no
//! identifiers, so no variable of a template can stand in their way.

use crate::python_values::{invalid, is_sequence, measure, text, type_name};
use minijinja::value::{Rest, Tuple, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, State, Value};

/// Longest list or tuple that an operator makes.
const MAX_ITEMS: usize = 1 << 22;

/// Longest text that an operator makes.
const MAX_TEXT_BYTES: usize = 32 << 20;

/// Bytes of new text that one step of fuel pays for; the engine charges for them too.
pub const BYTES_PER_FUEL: usize = 32;

pub enum Number {
    Integer(i128),
    Float(f64),
}

impl Number {
    pub fn of(value: &Value) -> Option<Number> {
        match value.kind() {
            ValueKind::Bool => Some(Number::Integer(i128::from(value.is_true()))),
            ValueKind::Number if value.is_integer() => {
                i128::try_from(value.clone()).ok().map(Number::Integer)
            }
            ValueKind::Number => f64::try_from(value.clone()).ok().map(Number::Float),
            _ => None,
        }
    }

    pub fn float(&self) -> f64 {
        match self {
            Number::Integer(integer) => *integer as f64,
            Number::Float(float) => *float,
        }
    }
}

fn integer_value(value: Option<i128>) -> Result<Value, Error> {
    let value = value.ok_or_else(|| invalid("an integer is out of range"))?;
    Ok(i64::try_from(value).map_or_else(|_| Value::from(value), Value::from))
}

pub fn unsupported(operator: &str, left: &Value, right: &Value) -> Error {
    let (left, right) = (type_name(left), type_name(right));
    invalid(format!("unsupported operand types for {operator}: '{left}' and '{right}'"))
}

fn pay_for_text(state: &State, bytes: usize) -> Result<(), Error> {
    if bytes > MAX_TEXT_BYTES {
        return Err(invalid(format!(
            "a text would have {bytes} bytes, at most {MAX_TEXT_BYTES} are allowed"
        )));
    }
    state.consume_fuel((bytes / BYTES_PER_FUEL) as u64)
}

/// Pays for one pass over a text.
pub fn pay_for_reading(state: &State, text: Option<&str>) -> Result<(), Error> {
    let bytes = text.map_or(0, str::len);
    if bytes < BYTES_PER_FUEL {
        return Ok(());
    }
    state.consume_fuel((bytes / BYTES_PER_FUEL) as u64)
}

/// Pays for a loop over a text: it starts with counting the characters. Gives its one argument back, which may be
/// a set of keyword arguments.
fn iterated(state: &State, args: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let value = args.into_values().pop().unwrap_or_default();
    pay_for_reading(state, value.as_str())?;
    Ok(value)
}

fn listed(state: &State, value: &Value) -> Result<Value, Error> {
    pay_for_items(state, value.len().unwrap_or(0))?;
    Ok(Value::from(items(state, value)?))
}

/// Pays for what a format makes: each of its fields may be the longest argument, or as wide as the largest
/// number in it says.
pub fn pay_for_format(state: &State, format: &str, args: &[Value]) -> Result<(), Error> {
    let fields = format.matches(['{', '%']).count();
    let width =
        format.split(|c: char| !c.is_ascii_digit()).filter_map(|run| run.parse().ok()).max();
    let longest = |value: &Value| value.as_str().map_or_else(|| text(value).len(), str::len);
    let mut bytes = width.unwrap_or(0usize);
    for arg in args {
        measure(state, arg)?;
        bytes = bytes.max(longest(arg));
    }
    pay_for_text(state, format.len().saturating_add(fields.saturating_mul(bytes)))
}

fn pay_for_items(state: &State, count: usize) -> Result<(), Error> {
    if count > MAX_ITEMS {
        return Err(invalid(format!(
            "a list would have {count} items, at most {MAX_ITEMS} are allowed"
        )));
    }
    state.consume_fuel(count as u64)
}

/// The items of a sequence, paid for.
pub fn items(state: &State, value: &Value) -> Result<Vec<Value>, Error> {
    if let Some(items) = value.downcast_object_ref::<Vec<Value>>() {
        state.consume_fuel(items.len() as u64)?;
        return Ok(items.clone());
    }
    let mut result = Vec::with_capacity(value.len().unwrap_or(0).min(1024));
    for item in value.try_iter()? {
        state.consume_fuel(1)?;
        result.push(item);
    }
    Ok(result)
}

/// A sequence of the kind of `like`.
fn sequence_like(like: &Value, values: Vec<Value>) -> Value {
    if like.is_tuple() {
        Value::from(Tuple::from(values))
    } else {
        Value::from(values)
    }
}

/// What HTML escaping does to the operand of a text that was marked as safe.
fn escaped(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => result.push_str("&amp;"),
            '<' => result.push_str("&lt;"),
            '>' => result.push_str("&gt;"),
            '"' => result.push_str("&#34;"),
            '\'' => result.push_str("&#39;"),
            c => result.push(c),
        }
    }
    result
}

fn add_texts(state: &State, left: &Value, right: &Value) -> Result<Value, Error> {
    let (a, b) = (left.as_str().unwrap_or_default(), right.as_str().unwrap_or_default());
    pay_for_text(state, a.len() + b.len())?;
    Ok(match (left.is_safe(), right.is_safe()) {
        (false, false) => Value::from([a, b].concat()),
        (true, true) => Value::from_safe_string([a, b].concat()),
        (true, false) => Value::from_safe_string([a, &escaped(b)].concat()),
        (false, true) => Value::from_safe_string([&escaped(a), b].concat()),
    })
}

fn add(state: &State, left: &Value, right: &Value) -> Result<Value, Error> {
    match (Number::of(left), Number::of(right)) {
        (Some(Number::Integer(a)), Some(Number::Integer(b))) => {
            return integer_value(a.checked_add(b))
        }
        (Some(a), Some(b)) => return Ok(Value::from(a.float() + b.float())),
        _ => {}
    }
    if left.kind() == ValueKind::String && right.kind() == ValueKind::String {
        return add_texts(state, left, right);
    }
    if is_sequence(left) && is_sequence(right) && left.is_tuple() == right.is_tuple() {
        let count = left.len().unwrap_or(0).saturating_add(right.len().unwrap_or(0));
        pay_for_items(state, count)?;
        let mut values = items(state, left)?;
        values.extend(items(state, right)?);
        return Ok(sequence_like(left, values));
    }
    Err(unsupported("+", left, right))
}

fn repeat(state: &State, value: &Value, count: i128) -> Result<Value, Error> {
    let count = usize::try_from(count.max(0)).unwrap_or(usize::MAX);
    if let Some(text) = value.as_str() {
        pay_for_text(state, text.len().saturating_mul(count))?;
        return Ok(Value::from(text.repeat(count)));
    }
    pay_for_items(state, value.len().unwrap_or(0).saturating_mul(count))?;
    let values = items(state, value)?;
    let repeated = (0..count).flat_map(|_| values.iter().cloned()).collect();
    Ok(sequence_like(value, repeated))
}

fn multiply(state: &State, left: &Value, right: &Value) -> Result<Value, Error> {
    let repeatable = |value: &Value| value.kind() == ValueKind::String || is_sequence(value);
    match (Number::of(left), Number::of(right)) {
        (Some(Number::Integer(a)), Some(Number::Integer(b))) => integer_value(a.checked_mul(b)),
        (Some(a), Some(b)) => Ok(Value::from(a.float() * b.float())),
        (Some(Number::Integer(count)), None) if repeatable(right) => repeat(state, right, count),
        (None, Some(Number::Integer(count))) if repeatable(left) => repeat(state, left, count),
        _ => Err(unsupported("*", left, right)),
    }
}

fn remainder(state: &mut State, left: &Value, right: &Value) -> Result<Value, Error> {
    if left.kind() == ValueKind::String {
        measure(state, right)?;
        let mut args = vec![left.clone()];
        if right.is_tuple() {
            args.extend(items(state, right)?);
        } else {
            args.push(right.clone());
        }
        return state.apply_filter("format", &args);
    }
    match (Number::of(left), Number::of(right)) {
        (Some(Number::Integer(a)), Some(Number::Integer(b))) => {
            let remainder = a.checked_rem(b).ok_or_else(|| invalid("modulo by zero"))?;
            let differs = remainder != 0 && (remainder < 0) != (b < 0);
            integer_value(if differs { remainder.checked_add(b) } else { Some(remainder) })
        }
        (Some(a), Some(b)) if b.float() != 0.0 => {
            let remainder = a.float() % b.float();
            let differs = remainder != 0.0 && (remainder < 0.0) != (b.float() < 0.0);
            Ok(Value::from(if differs { remainder + b.float() } else { remainder }))
        }
        (Some(_), Some(_)) => Err(invalid("modulo by zero")),
        _ => Err(unsupported("%", left, right)),
    }
}

fn concatenate(state: &State, left: &Value, right: &Value) -> Result<Value, Error> {
    measure(state, left)?;
    measure(state, right)?;
    let length = |value: &Value| value.as_str().map_or(0, str::len);
    pay_for_text(state, length(left) + length(right))?;
    Ok(Value::from(text(left) + &text(right)))
}

/// Python's `range(*slice(start, stop, step).indices(length))`.
fn slice_indices(
    length: usize,
    start: Option<i64>,
    stop: Option<i64>,
    step: i64,
) -> impl Iterator<Item = usize> {
    let length = length as i64;
    let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let bound = |index: Option<i64>, absent: i64| match index {
        None => absent,
        Some(index) if index < 0 => index.saturating_add(length).clamp(low, high),
        Some(index) => index.clamp(low, high),
    };
    let (first, last) = if step > 0 { (low, high) } else { (high, low) };
    let (start, stop) = (bound(start, first), bound(stop, last));
    std::iter::successors(Some(start), move |index| index.checked_add(step))
        .take_while(move |&index| if step > 0 { index < stop } else { index > stop })
        .map(|index| index as usize)
}

fn slice(
    state: &State,
    value: &Value,
    start: &Value,
    stop: &Value,
    step: &Value,
) -> Result<Value, Error> {
    let index = |value: &Value| -> Result<Option<i64>, Error> {
        if value.is_none() || value.is_undefined() {
            return Ok(None);
        }
        let bad = || invalid(format!("slice indices must be integers, not {}", type_name(value)));
        value.as_i64().map(Some).ok_or_else(bad)
    };
    let (start, stop, step) = (index(start)?, index(stop)?, index(step)?.unwrap_or(1));
    if step == 0 {
        return Err(invalid("slice step cannot be zero"));
    }
    if let Some(text) = value.as_str() {
        state.consume_fuel((text.len() / BYTES_PER_FUEL) as u64)?;
        if text.is_ascii() {
            let bytes = text.as_bytes();
            let part = slice_indices(bytes.len(), start, stop, step);
            return Ok(Value::from(part.map(|i| bytes[i] as char).collect::<String>()));
        }
        let chars: Vec<char> = text.chars().collect();
        let part = slice_indices(chars.len(), start, stop, step);
        return Ok(Value::from(part.map(|i| chars[i]).collect::<String>()));
    }
    if is_sequence(value) {
        let values = items(state, value)?;
        let part = slice_indices(values.len(), start, stop, step);
        return Ok(sequence_like(value, part.map(|i| values[i].clone()).collect()));
    }
    if value.is_undefined() {
        return Err(invalid("an undefined value cannot be sliced"));
    }
    Ok(Value::UNDEFINED)
}

fn checked(state: &State, value: Value) -> Result<Value, Error> {
    measure(state, &value)?;
    Ok(value)
}

pub fn register(environment: &mut Environment<'static>) {
    environment.add_function("+", add);
    environment.add_function("*", multiply);
    environment.add_function("%", remainder);
    environment.add_function("~", concatenate);
    environment.add_function("[:]", slice);
    environment.add_function("[*]", listed);
    environment.add_function("(for)", iterated);
    environment.add_function("[]", checked);
}

#[cfg(test)]
mod tests {
    use super::slice_indices;

    #[test]
    fn slices_have_python_s_indices() {
        let indices = |start, stop, step| slice_indices(5, start, stop, step).collect::<Vec<_>>();
        assert_eq!(indices(None, None, 1), [0, 1, 2, 3, 4]);
        assert_eq!(indices(None, None, -1), [4, 3, 2, 1, 0]);
        assert_eq!(indices(Some(-2), None, 1), [3, 4]);
        assert_eq!(indices(Some(-99), Some(99), 2), [0, 2, 4]);
        assert_eq!(indices(Some(3), Some(0), -2), [3, 1]);
        assert_eq!(indices(Some(-1), Some(-3), -1), [4, 3]);
        assert_eq!(indices(Some(4), Some(1), 1), []);
        assert_eq!(indices(None, Some(i64::MIN), -1), [4, 3, 2, 1, 0]);
        assert_eq!(indices(Some(i64::MAX), None, i64::MIN), [4]);
    }
}
