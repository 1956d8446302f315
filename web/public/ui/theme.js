// Before the first paint: the theme that was chosen.
try {
  const theme = JSON.parse(localStorage.getItem('trivet.theme'));
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // none was chosen
}
