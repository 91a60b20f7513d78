//! What happens when this crate is loaded into the process that runs a notebook's cells.
//!
//! A cell may train without having called anything of this crate, and its training shall end in good
//! order all the same. So a function runs when the library is loaded, and has the handler of interrupts
//! installed once something is computed.

use crate::interrupt;

/// evcxr sets it for the process that runs cells; other programs see to their signals themselves.
const CELLS: &str = "EVCXR_IS_RUNTIME";

/// The system's loader calls the functions in this section.
// SAFETY: the section holds pointers to functions without arguments, and this is one. It reads the
// environment and stores a pointer, for which nothing needs to have been initialised.
#[expect(unsafe_code, reason = "only the loader knows when a library is loaded")]
#[used]
#[cfg_attr(not(target_os = "macos"), unsafe(link_section = ".init_array"))]
#[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func"))]
static BEGIN: extern "C" fn() = begin;

extern "C" fn begin() {
    if std::env::var_os(CELLS).is_some() {
        labbook_nn::interrupt::before_next(interrupt::listen);
    }
}
