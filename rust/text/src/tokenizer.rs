//! Tokenizers of Hugging Face `tokenizers`.

use crate::boundary::*;
use crate::decoding::{token_table, TokenTable};
use tokenizers::tokenizer::{AddedVocabulary, Model, OffsetType, PostProcessor, PreTokenizer};
use tokenizers::Tokenizer;

pub struct TextTokenizer {
    pub inner: Tokenizer,
    /// The added tokens with special ones taken as plain text: for text that must not hold control tokens.
    plain: AddedVocabulary,
}

impl TextTokenizer {
    pub fn new(mut inner: Tokenizer) -> Outcome<Self> {
        inner.with_padding(None);
        inner.with_truncation(None).map_err(|e| Failure::invalid(e.to_string()))?;
        let mut plain = inner.get_added_vocabulary().clone();
        plain.set_encode_special_tokens(true);
        Ok(TextTokenizer { inner, plain })
    }

    fn from_json(json: &[u8]) -> Outcome<Self> {
        let inner = Tokenizer::from_bytes(json)
            .map_err(|e| Failure::invalid(format!("tokenizer.json cannot be used: {e}")))?;
        TextTokenizer::new(inner)
    }

    fn encode(&self, text: &str, add_special: bool, parse_special: bool) -> Outcome<Vec<u32>> {
        let added = if parse_special { self.inner.get_added_vocabulary() } else { &self.plain };
        self.encode_with(added, text, add_special)
            .map_err(|e| Failure::invalid(format!("text cannot be tokenized: {e}")))
    }

    fn encode_with(
        &self,
        added: &AddedVocabulary,
        text: &str,
        add_special: bool,
    ) -> tokenizers::Result<Vec<u32>> {
        let mut pieces = added.extract_and_normalize(self.inner.get_normalizer(), text);
        if let Some(pre_tokenizer) = self.inner.get_pre_tokenizer() {
            pre_tokenizer.pre_tokenize(&mut pieces)?;
        }
        self.inner.get_model().tokenize_in_pretokenized(&mut pieces, None)?;
        let mut encoding = pieces.into_encoding(None, 0, OffsetType::None)?;
        if let (true, Some(processor)) = (add_special, self.inner.get_post_processor()) {
            encoding = processor.process(encoding, None, true)?;
        }
        Ok(encoding.get_ids().to_vec())
    }
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_tokenizer_from_json(
    json: Slice,
    tokenizer: *mut *mut TextTokenizer,
    error: *mut Bytes,
) -> i32 {
    guard(error, || {
        let made = TextTokenizer::from_json(json.bytes())?;
        tokenizer.write(Box::into_raw(Box::new(made)));
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_tokenizer_free(tokenizer: *mut TextTokenizer) {
    free_handle(tokenizer);
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_tokenizer_encode(
    tokenizer: *const TextTokenizer,
    text: Slice,
    add_special_tokens: u8,
    parse_special_tokens: u8,
    ids: *mut Ids,
    error: *mut Bytes,
) -> i32 {
    guard(error, || {
        let text = text.text("the text")?;
        let result =
            borrow(tokenizer)?.encode(text, add_special_tokens != 0, parse_special_tokens != 0)?;
        ids.write(result.into());
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_tokenizer_decode(
    tokenizer: *const TextTokenizer,
    ids: *const u32,
    count: usize,
    skip_special_tokens: u8,
    text: *mut Bytes,
    error: *mut Bytes,
) -> i32 {
    guard(error, || {
        let result = borrow(tokenizer)?
            .inner
            .decode(array(ids, count), skip_special_tokens != 0)
            .map_err(|e| Failure::invalid(format!("tokens cannot be decoded: {e}")))?;
        text.write(result.into_bytes().into());
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_tokenizer_tokens(
    tokenizer: *const TextTokenizer,
    table: *mut TokenTable,
    error: *mut Bytes,
) -> i32 {
    guard(error, || {
        table.write(token_table(&borrow(tokenizer)?.inner)?);
        Ok(())
    })
}
