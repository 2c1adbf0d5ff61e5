//! The spool from outside: on a real disk, and on a model of one that loses power.

mod crash;
mod disk;
mod sample;
