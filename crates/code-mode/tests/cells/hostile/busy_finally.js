while (true) { try { while (true); } catch { for (;;); } finally { for (;;); } }
