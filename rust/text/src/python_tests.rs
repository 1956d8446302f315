//! Tests (`x is iterable`) whose answers differ between Python's Jinja and minijinja.

use crate::python_operators::pay_for_reading;
use minijinja::value::ValueKind;
use minijinja::{tests, Environment, Error, State, Value};

/// None has no items in Python; minijinja takes it for an empty list.
fn is_iterable(value: &Value) -> bool {
    value.as_str().is_some() || (!value.is_none() && value.try_iter().is_ok())
}

fn is_lower(state: &State, value: &Value) -> Result<bool, Error> {
    pay_for_reading(state, value.as_str())?;
    Ok(tests::is_lower(value))
}

fn is_upper(state: &State, value: &Value) -> Result<bool, Error> {
    pay_for_reading(state, value.as_str())?;
    Ok(tests::is_upper(value))
}

fn is_same_as(state: &State, value: &Value, other: &Value) -> Result<bool, Error> {
    pay_for_reading(state, value.as_str())?;
    Ok(tests::is_sameas(value, other))
}

/// Whatever has a length and can be indexed.
fn is_sequence(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::String | ValueKind::Map)
}

pub fn register(environment: &mut Environment<'static>) {
    for name in ["startingwith", "endingwith"] {
        environment.remove_test(name);
    }
    environment.add_test("lower", is_lower);
    environment.add_test("upper", is_upper);
    environment.add_test("sameas", is_same_as);
    environment.add_test("iterable", is_iterable);
    environment.add_test("sequence", is_sequence);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_python_s() {
        let mut environment = Environment::new();
        register(&mut environment);
        for (test, yes) in [
            ("none is iterable", false),
            ("missing is iterable", true),
            ("'a' is iterable", true),
            ("[1] is iterable", true),
            ("1 is iterable", false),
            ("{'a': 1} is sequence", true),
            ("'a' is sequence", true),
            ("[1] is sequence", true),
            ("none is sequence", false),
        ] {
            let text = environment.render_str(&format!("{{{{ {test} }}}}"), ()).unwrap();
            assert_eq!(text, if yes { "True" } else { "False" }, "{test}");
        }
    }
}
