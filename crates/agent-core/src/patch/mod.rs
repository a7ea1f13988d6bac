//! Patches as models write them: their text, and what applying them does to files.
