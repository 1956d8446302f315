// Names of TeX symbols.

function table(text: string): Record<string, string> {
  const out: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const pair of text.trim().split(/\s+/)) {
    const [name, symbol] = pair.split('=', 2);
    out[name!] = symbol || '=';
  }
  return out;
}

export const SYMBOLS = table(`
alpha=α beta=β gamma=γ delta=δ epsilon=ϵ varepsilon=ε zeta=ζ eta=η theta=θ vartheta=ϑ iota=ι kappa=κ lambda=λ mu=μ nu=ν xi=ξ
pi=π rho=ρ sigma=σ tau=τ upsilon=υ phi=ϕ varphi=φ chi=χ psi=ψ omega=ω
Gamma=Γ Delta=Δ Theta=Θ Lambda=Λ Xi=Ξ Pi=Π Sigma=Σ Upsilon=Υ Phi=Φ Psi=Ψ Omega=Ω
times=× div=÷ cdot=⋅ pm=± mp=∓ ast=∗ star=⋆ circ=∘ bullet=∙ oplus=⊕ otimes=⊗ odot=⊙
leq=≤ le=≤ geq=≥ ge=≥ neq=≠ ne=≠ approx=≈ equiv=≡ sim=∼ simeq=≃ cong=≅ propto=∝ ll=≪ gg=≫ prec=≺ succ=≻ doteq=≐
in=∈ notin=∉ ni=∋ subset=⊂ subseteq=⊆ supset=⊃ supseteq=⊇ cup=∪ cap=∩ setminus=∖ emptyset=∅ varnothing=∅
forall=∀ exists=∃ nexists=∄ neg=¬ lnot=¬ land=∧ wedge=∧ lor=∨ vee=∨ top=⊤ bot=⊥ vdash=⊢ models=⊨ therefore=∴ because=∵
to=→ rightarrow=→ leftarrow=← leftrightarrow=↔ Rightarrow=⇒ Leftarrow=⇐ Leftrightarrow=⇔ implies=⟹ iff=⟺ mapsto=↦ uparrow=↑ downarrow=↓
longrightarrow=⟶ hookrightarrow=↪ rightharpoonup=⇀ gets=←
sum=∑ prod=∏ int=∫ iint=∬ iiint=∭ oint=∮ coprod=∐ bigcup=⋃ bigcap=⋂ bigoplus=⨁ bigwedge=⋀ bigvee=⋁
infty=∞ partial=∂ nabla=∇ hbar=ℏ ell=ℓ Re=ℜ Im=ℑ aleph=ℵ angle=∠ degree=° prime=′ dagger=† ddagger=‡
ldots=… dots=… cdots=⋯ vdots=⋮ ddots=⋱ colon=: mid=∣ parallel=∥ perp=⊥ triangle=△ square=□ blacksquare=■ checkmark=✓
langle=⟨ rangle=⟩ lfloor=⌊ rfloor=⌋ lceil=⌈ rceil=⌉ lvert=| rvert=| vert=| lVert=‖ rVert=‖ Vert=‖ lbrace={ rbrace=} backslash=\\ |=‖
`);

export const LARGE_OPERATORS = new Set(
  ['sum', 'prod', 'coprod', 'bigcup', 'bigcap', 'bigoplus', 'bigwedge', 'bigvee'].map((name) => `\\${name}`),
);

export const FUNCTIONS = new Set(
  'sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln lg exp lim limsup liminf max min sup inf arg argmax argmin det dim ker gcd deg Pr hom mod bmod'.split(' '),
);

export const SPACES: Record<string, string> = Object.assign(Object.create(null) as Record<string, string>, {
  ',': '0.17em', ':': '0.22em', '>': '0.22em', ';': '0.28em', '!': '-0.17em', ' ': '0.33em', '\n': '0.33em', quad: '1em', qquad: '2em', enspace: '0.5em',
});

export const ACCENTS: Record<string, string> = Object.assign(Object.create(null) as Record<string, string>, {
  hat: '^', widehat: '^', bar: '¯', overline: '¯', vec: '→', dot: '˙', ddot: '¨', tilde: '~', widetilde: '~', underline: '_',
  underbrace: '⏟', overbrace: '⏞', overrightarrow: '→',
});
