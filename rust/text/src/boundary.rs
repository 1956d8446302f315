//! Types and rules shared by all exported functions: views in, owned buffers out, no panic across.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Once;

pub const OK: i32 = 0;
pub const INVALID: i32 = 1;
pub const UNSUPPORTED: i32 = 2;
pub const EXHAUSTED: i32 = 3;
pub const INTERNAL: i32 = 4;

/// Longest error message that is handed out; messages can quote hostile input.
const MAX_MESSAGE_BYTES: usize = 2000;

/// Why a call failed: a status of the header and a message.
#[derive(Debug)]
pub struct Failure {
    pub status: i32,
    pub message: String,
}

pub type Outcome<T> = Result<T, Failure>;

impl Failure {
    pub fn new(status: i32, message: impl Into<String>) -> Self {
        Failure { status, message: message.into() }
    }
    pub fn invalid(message: impl Into<String>) -> Self {
        Failure::new(INVALID, message)
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Slice {
    data: *const u8,
    size: usize,
}

impl Slice {
    /// # Safety
    /// The pointer holds `size` readable bytes for as long as the result is used.
    pub unsafe fn bytes<'a>(self) -> &'a [u8] {
        array(self.data, self.size)
    }
    /// # Safety
    /// As `bytes`.
    pub unsafe fn text<'a>(self, what: &str) -> Outcome<&'a str> {
        std::str::from_utf8(self.bytes()).map_err(|e| {
            Failure::invalid(format!("{what} is not UTF-8: bad byte at offset {}", e.valid_up_to()))
        })
    }
}

/// # Safety
/// The pointer holds `count` readable values for as long as the result is used, or `count` is 0.
pub unsafe fn array<'a, T>(data: *const T, count: usize) -> &'a [T] {
    if count == 0 || data.is_null() {
        &[]
    } else {
        std::slice::from_raw_parts(data, count)
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Strings {
    data: *const u8,
    ends: *const u32,
    count: usize,
}

impl Strings {
    /// # Safety
    /// `ends` holds `count` values and `data` as many bytes as its last one says.
    pub unsafe fn list<'a>(self) -> Outcome<Vec<&'a [u8]>> {
        let ends = array(self.ends, self.count);
        let data = array(self.data, ends.last().copied().unwrap_or(0) as usize);
        let mut start = 0usize;
        let mut result = Vec::with_capacity(ends.len());
        for &end in ends {
            let end = end as usize;
            if end < start || end > data.len() {
                return Err(Failure::new(INTERNAL, "string ends are not in order"));
            }
            result.push(&data[start..end]);
            start = end;
        }
        Ok(result)
    }
    /// # Safety
    /// As `list`.
    pub unsafe fn texts<'a>(self, what: &str) -> Outcome<Vec<&'a str>> {
        self.list()?
            .into_iter()
            .enumerate()
            .map(|(i, bytes)| {
                std::str::from_utf8(bytes)
                    .map_err(|_| Failure::invalid(format!("{what} {i} is not UTF-8")))
            })
            .collect()
    }
}

#[repr(C)]
pub struct Bytes {
    data: *mut u8,
    size: usize,
}

#[repr(C)]
pub struct Ids {
    data: *mut u32,
    size: usize,
}

fn leak<T>(values: Vec<T>) -> (*mut T, usize) {
    let size = values.len();
    if size == 0 {
        return (std::ptr::null_mut(), 0);
    }
    (Box::into_raw(values.into_boxed_slice()) as *mut T, size)
}

unsafe fn release<T>(data: *mut T, size: usize) {
    if !data.is_null() {
        drop(Box::from_raw(std::ptr::slice_from_raw_parts_mut(data, size)));
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(values: Vec<u8>) -> Self {
        let (data, size) = leak(values);
        Bytes { data, size }
    }
}

impl From<Vec<u32>> for Ids {
    fn from(values: Vec<u32>) -> Self {
        let (data, size) = leak(values);
        Ids { data, size }
    }
}

/// # Safety
/// `bytes` came from this library and was not freed before.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_free_bytes(bytes: Bytes) {
    release(bytes.data, bytes.size);
}

/// # Safety
/// `ids` came from this library and was not freed before.
#[no_mangle]
pub unsafe extern "C" fn trivet_text_free_ids(ids: Ids) {
    release(ids.data, ids.size);
}

thread_local! {
    static PANIC_PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps panics, which hostile input can cause inside the crates used here, off the server's stderr.
fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            PANIC_PLACE.with(|cell| *cell.borrow_mut() = place);
        }));
    });
}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(|s| s.to_string())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "unknown reason".to_string());
    let place = PANIC_PLACE.with(|cell| cell.borrow().clone());
    format!("the text library failed: {text} ({place})")
}

fn bounded(mut message: String) -> String {
    if message.len() > MAX_MESSAGE_BYTES {
        let mut end = MAX_MESSAGE_BYTES;
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        message.truncate(end);
        message.push_str(" ...");
    }
    message
}

/// Runs the body of an exported function: its error or panic becomes a status and a message.
pub fn guard(error: *mut Bytes, body: impl FnOnce() -> Outcome<()>) -> i32 {
    quiet_panics();
    let failure = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return OK,
        Ok(Err(failure)) => failure,
        Err(payload) => Failure::new(INTERNAL, panic_message(payload.as_ref())),
    };
    if !error.is_null() {
        let message = Bytes::from(bounded(failure.message).into_bytes());
        // SAFETY: the caller passes a place for the message or null.
        unsafe { error.write(message) };
    }
    failure.status
}

/// Frees a handle; a panic in a destructor is swallowed, as nobody could do anything about it.
///
/// # Safety
/// `handle` came from `Box::into_raw` of this library, once, or is null.
pub unsafe fn free_handle<T>(handle: *mut T) {
    if !handle.is_null() {
        let _ = catch_unwind(AssertUnwindSafe(|| drop(Box::from_raw(handle))));
    }
}

/// # Safety
/// `handle` is null or a live handle.
pub unsafe fn borrow<'a, T>(handle: *const T) -> Outcome<&'a T> {
    handle.as_ref().ok_or_else(|| Failure::new(INTERNAL, "null handle"))
}

/// # Safety
/// `handle` is null or a live handle that nobody else uses meanwhile.
pub unsafe fn borrow_mut<'a, T>(handle: *mut T) -> Outcome<&'a mut T> {
    handle.as_mut().ok_or_else(|| Failure::new(INTERNAL, "null handle"))
}
