//! Methods of Python's types that chat templates call and that minijinja's `pycompat` lacks.

use minijinja::value::{from_args, Tuple, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};
use minijinja_contrib::pycompat;

pub fn call(
    state: &mut State,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
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
        "rsplit" => right_split(text, args),
        "format" => return checked_format(text).err().map(Err),
        _ => return None,
    })
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
        None => {
            let message = "rsplit by white space with a limit is not supported";
            return Err(Error::new(ErrorKind::InvalidOperation, message));
        }
    };
    parts.reverse();
    Ok(parts.into_iter().map(Value::from).collect())
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
