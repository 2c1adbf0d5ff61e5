//! Says who a user is and whether the password is right.
