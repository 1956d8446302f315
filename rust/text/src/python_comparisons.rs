//! Comparisons, `in` and the tests that compare, on Python's terms and paid for by the size of what they visit.

use crate::python_maps::key;
use crate::python_operators::{unsupported, Number, BYTES_PER_FUEL};
use crate::python_values::{invalid, is_container, is_sequence, measure};
use minijinja::value::{Rest, ValueKind};
use minijinja::{Environment, Error, State, Value};

pub const COMPARISONS: [&str; 8] = ["==", "!=", "<", "<=", ">", ">=", "(in)", "(not in)"];

/// The second form of each comparison takes a list of its operands.
pub const CHAINED: [&str; 8] = [
    "chained ==",
    "chained !=",
    "chained <",
    "chained <=",
    "chained >",
    "chained >=",
    "chained (in)",
    "chained (not in)",
];

/// Names under which tests do what the comparison of the same place in COMPARISONS does.
const TEST_NAMES: [&[&str]; 7] = [
    &["==", "eq", "equalto"],
    &["!=", "ne"],
    &["<", "lt", "lessthan"],
    &["<=", "le"],
    &[">", "gt", "greaterthan"],
    &[">=", "ge"],
    &["in"],
];

fn equal(state: &State, left: &Value, right: &Value) -> Result<bool, Error> {
    if let (Some(a), Some(b)) = (left.as_str(), right.as_str()) {
        state.consume_fuel((a.len().min(b.len()) / BYTES_PER_FUEL) as u64)?;
        return Ok(a == b);
    }
    if is_container(left) && is_container(right) {
        measure(state, left)?;
        measure(state, right)?;
    }
    Ok(left == right)
}

fn less(
    state: &State,
    operator: &str,
    left: &Value,
    right: &Value,
) -> Result<std::cmp::Ordering, Error> {
    let comparable = match (left.kind(), right.kind()) {
        (ValueKind::String, ValueKind::String) => true,
        _ if is_sequence(left) && is_sequence(right) => left.is_tuple() == right.is_tuple(),
        _ => Number::of(left).is_some() && Number::of(right).is_some(),
    };
    if !comparable {
        return Err(unsupported(operator, left, right));
    }
    measure(state, left)?;
    measure(state, right)?;
    if let (Some(a), Some(b)) = (Number::of(left), Number::of(right)) {
        if let (Number::Float(_), _) | (_, Number::Float(_)) = (&a, &b) {
            let order = a.float().partial_cmp(&b.float());
            return order.ok_or_else(|| invalid("not a number cannot be compared"));
        }
    }
    Ok(left.cmp(right))
}

fn contains(state: &State, value: &Value, container: &Value) -> Result<bool, Error> {
    if container.is_undefined() {
        return Ok(false);
    }
    if let Some(text) = container.as_str() {
        state.consume_fuel((text.len() / BYTES_PER_FUEL) as u64)?;
        let part = value.as_str().ok_or_else(|| unsupported("in", value, container))?;
        return Ok(text.contains(part));
    }
    if container.kind() == ValueKind::Map {
        let key = key(state, value)?;
        let object = container.as_object();
        return Ok(!key.is_undefined() && object.is_some_and(|map| map.get_value(&key).is_some()));
    }
    if !is_sequence(container) {
        return Err(unsupported("in", value, container));
    }
    for item in container.try_iter()? {
        state.consume_fuel(1)?;
        if equal(state, value, &item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn compare(state: &State, operator: &str, left: &Value, right: &Value) -> Result<bool, Error> {
    Ok(match operator {
        "==" => equal(state, left, right)?,
        "!=" => !equal(state, left, right)?,
        "<" => less(state, operator, left, right)?.is_lt(),
        "<=" => less(state, operator, left, right)?.is_le(),
        ">" => less(state, operator, left, right)?.is_gt(),
        ">=" => less(state, operator, left, right)?.is_ge(),
        "(in)" => contains(state, left, right)?,
        _ => !contains(state, left, right)?,
    })
}

/// `loop.changed(...)` compares with the arguments of the call before.
fn changed(state: &mut State, args: Rest<Value>) -> Result<Value, Error> {
    for arg in args.iter().skip(1) {
        measure(state, arg)?;
    }
    let (this, rest) = args.split_first().ok_or_else(|| invalid("changed() needs a loop"))?;
    this.call_method(state, "changed", rest)
}

pub fn register(environment: &mut Environment<'static>) {
    environment.add_function(".changed", changed);
    for (index, operator) in COMPARISONS.into_iter().enumerate() {
        environment.add_function(operator, move |state: &State, a: &Value, b: &Value| {
            compare(state, operator, a, b)
        });
        environment.add_function(CHAINED[index], move |state: &State, pair: Vec<Value>| {
            compare(state, operator, &pair[0], &pair[1])
        });
    }
    for (operator, names) in COMPARISONS.into_iter().zip(TEST_NAMES) {
        for name in names {
            environment.add_test(*name, move |state: &State, a: &Value, b: &Value| {
                compare(state, operator, a, b)
            });
        }
    }
}
