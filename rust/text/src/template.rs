//! Chat templates: Jinja with the environment that `transformers` gives them, bounded in every way.

use crate::boundary::*;
use crate::chat::{self, Chat};
use crate::strftime::{self, Time};
use crate::{
    bytecode, python_comparisons, python_filters, python_json, python_maps, python_methods,
    python_operators, python_tests, python_values,
};
use minijinja::machinery::{self, CodeGenerator, Instructions};
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, Value};
use std::collections::BTreeMap;

const MAX_SOURCE_BYTES: usize = 1 << 20;

/// Steps of one rendering: some 0.3 s at worst, far above the need of the longest conversation. The engine
/// charges one step for each 64 bytes that it makes, and ours charge more, so this bounds memory as well.
const FUEL: u64 = 5_000_000;

const MAX_OUTPUT_BYTES: usize = 32 << 20;

/// Longest expression or statement. Chains of operators nest one deeper with each link, and the engine
/// recurses over them.
const MAX_TAG_BYTES: usize = 16 << 10;

/// Nesting of loops, macros and calls.
const MAX_RECURSION: usize = 200;

const NAME: &str = "chat_template";
const TIME_VARIABLE: &str = "__now__";

pub struct ChatTemplate {
    /// Points into `_source`, which lies on the heap and goes after it.
    instructions: Instructions<'static>,
    _source: Box<str>,
    environment: Environment<'static>,
    bos_token: String,
    eos_token: String,
}

/// What the template itself complained about through raise_exception().
#[derive(Debug)]
struct Raised(String);

impl std::fmt::Display for Raised {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Raised {}

fn raise_exception(message: String) -> Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, message.clone()).with_source(Raised(message)))
}

fn strftime_now(state: &State, format: &str) -> Result<String, Error> {
    let time = state.lookup(TIME_VARIABLE).and_then(|v| v.downcast_object::<TimeObject>());
    let time = time.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "no time"))?;
    Ok(strftime::format(format, &time.0))
}

/// The time of a rendering, which the template can only see through strftime_now().
#[derive(Debug)]
struct TimeObject(Time);

impl minijinja::value::Object for TimeObject {}

/// `{% generation %}` marks the model's own text for training; here it only has to vanish. It becomes a
/// `with` block, which has a scope of its own as well.
fn without_generation_tags(source: &str) -> String {
    let mut result = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("{%") {
        let (before, tag) = rest.split_at(start);
        result.push_str(before);
        match generation_tag(tag) {
            Some((replacement, size)) => {
                result.push_str(&replacement);
                rest = &tag[size..];
            }
            None => {
                result.push_str("{%");
                rest = &tag[2..];
            }
        }
    }
    result.push_str(rest);
    result
}

/// The replacement of a generation tag at the start of `text`, and the tag's size.
fn generation_tag(text: &str) -> Option<(String, usize)> {
    let is_mark = |c: char| c == '-' || c == '+';
    let inner = text.strip_prefix("{%")?;
    let open = &inner[..inner.len() - inner.trim_start_matches(is_mark).len()];
    let name = inner[open.len()..].trim_start();
    let (keyword, after) = if let Some(after) = name.strip_prefix("generation") {
        ("with", after)
    } else {
        ("endwith", name.strip_prefix("endgeneration")?)
    };
    let close = after.trim_start();
    let mark = if close.starts_with(is_mark) { &close[..1] } else { "" };
    let tail = close[mark.len()..].strip_prefix("%}")?;
    Some((format!("{{%{open} {keyword} {mark}%}}"), text.len() - tail.len()))
}

/// The size of the longest `{{ }}` or `{% %}`.
fn longest_tag(source: &str) -> usize {
    let (mut longest, mut at) = (0, 0);
    while let Some(brace) = source[at..].find('{') {
        at += brace;
        let rest = &source[at..];
        at += match rest.as_bytes().get(1) {
            Some(b'#') => rest.find("#}").map_or(rest.len(), |end| end + 2),
            Some(b'{' | b'%') => {
                let size = tag_size(rest.as_bytes());
                longest = longest.max(size);
                size
            }
            _ => 1,
        };
    }
    longest
}

/// The size of the tag at the start of `text`. Its end is not looked for in strings and inside braces.
fn tag_size(text: &[u8]) -> usize {
    let end: &[u8] = if text[1] == b'{' { b"}}" } else { b"%}" };
    let (mut at, mut braces, mut quote) = (2, 0usize, 0u8);
    while at < text.len() {
        let byte = text[at];
        if quote != 0 {
            match byte {
                b'\\' => at += 1,
                _ if byte == quote => quote = 0,
                _ => {}
            }
        } else if braces == 0 && text[at..].starts_with(end) {
            return at + 2;
        } else {
            match byte {
                b'"' | b'\'' => quote = byte,
                b'{' => braces += 1,
                b'}' => braces = braces.saturating_sub(1),
                _ => {}
            }
        }
        at += 1;
    }
    text.len()
}

/// Bytes that a rendering has written, into variables too.
struct Written(usize);

/// Writes what Python's str() makes of a value.
fn write_value(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    let text: std::borrow::Cow<str> = match value.as_str() {
        Some(text) => text.into(),
        None => {
            python_values::measure(state, value)?;
            python_values::text(value).into()
        }
    };
    let written = state.get_or_insert_extension(Written(0));
    written.0 += text.len();
    if written.0 > MAX_OUTPUT_BYTES {
        return Err(Error::from(ErrorKind::WriteFailure));
    }
    out.write_str(&text).map_err(Error::from)
}

fn environment() -> Outcome<Environment<'static>> {
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
        .map_err(|e| Failure::new(INTERNAL, e.to_string()))?;
    let mut environment = Environment::new();
    environment.set_syntax(syntax);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(MAX_RECURSION);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_formatter(write_value);
    environment.set_unknown_method_callback(python_methods::call);
    for name in ["cycler", "debug", "joiner"] {
        environment.remove_global(name);
    }
    environment.add_filter("tojson", python_json::tojson);
    python_filters::register(&mut environment);
    python_comparisons::register(&mut environment);
    python_maps::register(&mut environment);
    python_operators::register(&mut environment);
    python_tests::register(&mut environment);
    environment.add_function("raise_exception", raise_exception);
    environment.add_function("strftime_now", strftime_now);
    Ok(environment)
}

fn render_failure(error: &Error) -> Failure {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(raised) = cause.downcast_ref::<Raised>() {
            return Failure::invalid(raised.0.clone());
        }
        source = cause.source();
    }
    match error.kind() {
        ErrorKind::OutOfFuel => {
            Failure::new(EXHAUSTED, format!("the chat template took more than {FUEL} steps"))
        }
        ErrorKind::WriteFailure => Failure::new(
            EXHAUSTED,
            format!("the chat template wrote more than {MAX_OUTPUT_BYTES} bytes"),
        ),
        _ => Failure::invalid(format!("the chat template failed: {error}")),
    }
}

/// Compiles on a thread of its own: the engine recurses once for each link of a chain of operators, and the
/// stack of the caller's thread may be small.
fn instructions_of(source: &'static str, syntax: &SyntaxConfig) -> Outcome<Instructions<'static>> {
    const STACK_BYTES: usize = 64 << 20;
    let compile = || {
        let tree = machinery::parse(source, NAME, syntax.clone())
            .map_err(|e| Failure::invalid(format!("the chat template does not compile: {e}")))?;
        let mut generator = CodeGenerator::new(NAME, source);
        generator.compile_stmt(&tree);
        Ok(bytecode::guarded(&generator.finish().0))
    };
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(STACK_BYTES);
        let thread = builder
            .spawn_scoped(scope, compile)
            .map_err(|e| Failure::new(EXHAUSTED, format!("no thread for a chat template: {e}")))?;
        let failed = |_| Failure::new(INTERNAL, "compiling the chat template panicked".to_string());
        thread.join().map_err(failed)?
    })
}

impl ChatTemplate {
    fn compile(source: &str, bos_token: &str, eos_token: &str) -> Outcome<Self> {
        if source.len() > MAX_SOURCE_BYTES {
            let size = source.len();
            return Err(Failure::new(
                EXHAUSTED,
                format!(
                    "the chat template has {size} bytes, at most {MAX_SOURCE_BYTES} are allowed"
                ),
            ));
        }
        let tag = longest_tag(source);
        if tag > MAX_TAG_BYTES {
            return Err(Failure::new(
                EXHAUSTED,
                format!("the chat template has an expression of {tag} bytes, at most {MAX_TAG_BYTES} are allowed"),
            ));
        }
        let environment = environment()?;
        let source: Box<str> = without_generation_tags(source).into();
        // SAFETY: the text stays where it is until the instructions are gone.
        let text: &'static str = unsafe { &*std::ptr::from_ref::<str>(&source) };
        let instructions = instructions_of(text, environment.syntax())?;
        let (bos_token, eos_token) = (bos_token.to_string(), eos_token.to_string());
        Ok(ChatTemplate { instructions, _source: source, environment, bos_token, eos_token })
    }

    fn render(&self, input: &Chat) -> Outcome<String> {
        let prepared = chat::prepare(input, &self.bos_token, &self.eos_token)?;
        let mut variables = prepared.variables;
        let time = Value::from_object(TimeObject(input.now));
        variables.insert(TIME_VARIABLE.to_string(), time);
        let mut text = String::new();
        machinery::eval(
            &self.environment,
            &self.instructions,
            Value::from(variables),
            &BTreeMap::new(),
            &mut machinery::make_string_output(&mut text),
            AutoEscape::None,
        )
        .map_err(|e| render_failure(&e))?;
        match prepared.final_message {
            Some(message) => chat::cut_at_final_message(text, &message),
            None => Ok(text),
        }
    }
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_template_compile(
    source: Slice,
    bos_token: Slice,
    eos_token: Slice,
    result: *mut *mut ChatTemplate,
    error: *mut Bytes,
) -> i32 {
    guard(error, || {
        let made = ChatTemplate::compile(
            source.text("the chat template")?,
            bos_token.text("the BOS token")?,
            eos_token.text("the EOS token")?,
        )?;
        result.write(Box::into_raw(Box::new(made)));
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_template_free(value: *mut ChatTemplate) {
    free_handle(value);
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_template_render(
    value: *const ChatTemplate,
    chat: *const Chat,
    text: *mut Bytes,
    error: *mut Bytes,
) -> i32 {
    guard(error, || {
        let rendered = borrow(value)?.render(borrow(chat)?)?;
        text.write(rendered.into_bytes().into());
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::{longest_tag, without_generation_tags};

    #[test]
    fn the_longest_tag_is_measured_past_strings_and_braces() {
        assert_eq!(longest_tag("text {{ a }} text"), 7);
        assert_eq!(longest_tag("{{ a }}{% if x %}"), 10);
        assert_eq!(longest_tag("{{ '}}' }}"), 10);
        assert_eq!(longest_tag("{{ {1: {}}}}"), 12);
        assert_eq!(longest_tag("{# {{ a b c d #}{{ }}"), 5);
        assert_eq!(longest_tag("{{ ä"), 5);
        assert_eq!(longest_tag("none"), 0);
    }

    #[test]
    fn generation_tags_become_scopes_and_keep_their_white_space_marks() {
        assert_eq!(
            without_generation_tags("a{%- generation -%}b{% endgeneration +%}c{% if x %}{{ y }}"),
            "a{%- with -%}b{% endwith +%}c{% if x %}{{ y }}"
        );
        assert_eq!(without_generation_tags("{% generational %}{%"), "{% generational %}{%");
    }
}
