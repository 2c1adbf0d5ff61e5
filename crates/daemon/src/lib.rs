//! What every daemon does alike: configuration, listeners, logs, signals, admin socket.
