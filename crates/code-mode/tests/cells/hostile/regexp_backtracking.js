/(a+)+$/.exec('a'.repeat(100) + 'b')
