//! The functions of the header for grammars.

use crate::boundary::*;
use crate::grammar::*;

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_grammar_vocabulary_new(
    pieces: Strings,
    special: *const u8,
    ends: *const u32,
    end_count: usize,
    vocabulary: *mut *mut Vocabulary,
    error: *mut Bytes,
) -> i32 {
    guard(error, || {
        let pieces = pieces.list()?;
        let special = array(special, pieces.len());
        let made = new_vocabulary(&pieces, special, array(ends, end_count))?;
        vocabulary.write(Box::into_raw(Box::new(made)));
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_grammar_vocabulary_free(vocabulary: *mut Vocabulary) {
    free_handle(vocabulary);
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_grammar_compile(
    vocabulary: *const Vocabulary,
    kind: i32,
    source: Slice,
    grammar: *mut *mut Grammar,
    error: *mut Bytes,
) -> i32 {
    guard(error, || {
        let made = compile(borrow(vocabulary)?, kind, source.text("the grammar")?)?;
        grammar.write(Box::into_raw(Box::new(made)));
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_grammar_free(grammar: *mut Grammar) {
    free_handle(grammar);
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_grammar_mask(
    grammar: *mut Grammar,
    words: *mut u32,
    word_count: usize,
    error: *mut Bytes,
) -> i32 {
    guard(error, || {
        if word_count == 0 {
            return Ok(());
        }
        borrow_mut(grammar)?.fill_mask(std::slice::from_raw_parts_mut(words, word_count))
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_grammar_accept(
    grammar: *mut Grammar,
    tokens: *const u32,
    count: usize,
    accepted: *mut usize,
    error: *mut Bytes,
) -> i32 {
    guard(error, || {
        accepted.write(borrow_mut(grammar)?.accept(array(tokens, count))?);
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_grammar_rollback(
    grammar: *mut Grammar,
    count: usize,
    error: *mut Bytes,
) -> i32 {
    guard(error, || borrow_mut(grammar)?.rollback(count))
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_grammar_clone(
    grammar: *const Grammar,
    copy: *mut *mut Grammar,
    error: *mut Bytes,
) -> i32 {
    guard(error, || {
        copy.write(Box::into_raw(Box::new(borrow(grammar)?.duplicate())));
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_grammar_is_accepting(
    grammar: *mut Grammar,
    accepting: *mut u8,
    error: *mut Bytes,
) -> i32 {
    guard(error, || {
        accepting.write(borrow_mut(grammar)?.is_accepting()?.into());
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_grammar_is_terminated(
    grammar: *const Grammar,
    terminated: *mut u8,
    error: *mut Bytes,
) -> i32 {
    guard(error, || {
        terminated.write(borrow(grammar)?.is_terminated().into());
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_grammar_forced_bytes(
    grammar: *mut Grammar,
    bytes: *mut Bytes,
    error: *mut Bytes,
) -> i32 {
    guard(error, || {
        bytes.write(borrow_mut(grammar)?.forced_bytes().into());
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_grammar_accept_within(
    grammar: *mut Grammar,
    token: u32,
    remaining: usize,
    offer: *mut u8,
    error: *mut Bytes,
) -> i32 {
    guard(error, || {
        offer.write(borrow_mut(grammar)?.accept_within(token, remaining)? as u8);
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_grammar_closing(
    grammar: *mut Grammar,
    tokens: *mut Ids,
    error: *mut Bytes,
) -> i32 {
    guard(error, || {
        let found = borrow_mut(grammar)?.closing().ok_or_else(|| {
            Failure::new(UNSUPPORTED, "nothing is known about how this grammar can be completed")
        })?;
        tokens.write(found.into());
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_grammar_can_close(grammar: *const Grammar, can: *mut u8) {
    can.write(grammar.as_ref().is_some_and(Grammar::can_close).into());
}
