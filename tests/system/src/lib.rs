//! Tests of the whole system: each starts the demo, speaks to it as mail programs do, and looks at
//! what arrived. The tests stand in `tests/`, one module a theme; nothing is here to be used.
