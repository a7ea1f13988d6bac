for (let i = 0; ; i++) { try { tools.echo(i); tools.never(i) } catch { await null } }
