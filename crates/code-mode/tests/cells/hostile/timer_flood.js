const tick = () => { try { for (let i = 0; i < 100; i++) setTimeout(tick, 0) } catch {} };
tick(); await tools.never();
