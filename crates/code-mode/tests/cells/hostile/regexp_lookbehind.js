/(?<=(a+)+)b$/u.exec('a'.repeat(1e5) + 'c')
