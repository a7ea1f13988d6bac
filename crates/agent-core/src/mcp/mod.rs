//! Servers of the Model Context Protocol, spoken to over the standard streams of a child process.
