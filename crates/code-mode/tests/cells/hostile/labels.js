a: for (;;) { try { continue a } finally { try { continue a } finally { continue a } } }
