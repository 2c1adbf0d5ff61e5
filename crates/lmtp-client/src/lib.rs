//! The asking side of the LMTP wire: connections kept, patience, outcomes.
