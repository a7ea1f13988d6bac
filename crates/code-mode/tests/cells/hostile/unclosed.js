text(`${`${"
