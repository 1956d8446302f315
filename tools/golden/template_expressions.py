"""Small templates over VARIABLES that show what Python's Jinja makes of an expression or a statement."""

VARIABLES = {'l': [3, 1, 2],
              'm': {'b': 1, 'a': {'c': [1, None, True, 1.5, "q'"]}, 'items': 5},
              's': '  Hello, Wörld\n second line\n',
              'n': None,
              't': True,
              'i': 7,
              'f': 2.5,
              'objs': [{'k': 'b', 'v': 1}, {'k': 'a', 'v': 2}, {'k': 'b', 'v': 3}, {'v': 9}],
              'e': [],
              'u': 'äöü😀x',
              'd': {'x': 1, 'y': 2}}

# One expression a line.
EXPRESSIONS = r"""
l + [4]
[1] + (2,)
(1,2) + (3,)
l * 2
2 * l
'ab' * 3
-1 * 'ab'
l[1:]
l[-2:]
l[::-1]
l[5:]
s[2:7]
u[1:4]
u[::-1]
u[-1]
u[3]
l[-1]
l[9]
n[1:]
m['a']['c'][3]
m.a.c
m.items()|list
m['items']
m.keys()|list
m.values()|list
m.get('zz')
m.get('zz', 5)
m.get('b')
l
m
(1,)
(1,'a')
[1.0, 1e20, 1e-7, -0.0]
s|trim
s.strip()
s.strip(' \n')
s.split()
s.split('\n')
s.split(' ', 1)
s.split(',')[0]
s.splitlines()
s.splitlines(true)
'a,b,c'.rsplit(',', 1)
'a b  c'.rsplit(None, 1)
'a b  c'.split(None, 1)
s.upper()
s.title()
s.capitalize()
u.upper()
'ß'.upper()
s.replace('l','L')
s.replace('l','L',1)
s|replace('l','L')
s|replace('l','L',1)
s.find('W')
s.find('zz')
s.index('W')
s.count('l')
s.startswith('  H')
s.startswith(('x','  '))
s.endswith('\n')
'abc'.center(9, '*')
'abc'.ljust(6)
'abc'.rjust(6, '.')
'7'.zfill(3)
'abc'.isalpha()
'12'.isdigit()
' '.isspace()
'aB'.swapcase()
'{} {}'.format(1, 'x')
'{0:>5}|{1:<5}|{2:^5}'.format(1, 'x', 'y')
'{a}'.format(a=3)
'{:.2f}'.format(3.14159)
'{:,}'.format(1234567)
'{:05d}'.format(42)
'{:x}'.format(255)
'%s and %d' % ('a', 3)
'%s' % 'x'
'%.2f' % 2.5
'%s' % l
'%5s|%-5s|' % ('a','b')
'%s'|format('x')
'%(a)s'|format(a=1)
'a'.join(['x','y'])
', '.join(m)
l|join(', ')
l|join
objs|map(attribute='k')|list
objs|map(attribute='k', default='?')|join(',')
objs|map(attribute='v')|sum
objs|sum(attribute='v')
objs|selectattr('k')|list
objs|selectattr('k','equalto','b')|list
objs|selectattr('k','defined')|list|length
objs|rejectattr('k','equalto','b')|list
objs|selectattr('v','gt',1)|list
objs|selectattr('v','in',[1,9])|map(attribute='v')|list
l|map('string')|list
l|select('odd')|list
l|select('>', 1)|list
l|reject('equalto', 1)|list
l|sort
l|sort(reverse=true)
['b','A','c']|sort
['b','A','c']|sort(case_sensitive=true)
objs[:3]|sort(attribute='k')|map(attribute='v')|list
objs[:3]|groupby('k')|list|length
l|unique|list
['a','A','b']|unique|list
l|first
l|last
e|first
e|last
l|max
l|min
l|length
m|length
s|length
n|length
zz|length
l|reverse|list
u|reverse
l|batch(2)|list
l|batch(2,'x')|list
l|slice(2)|list
m|dictsort
m|dictsort(by='value')
d|dictsort(reverse=true)
d|items|list
d|list
u|list
n|default('x')
n|default('x', true)
zz|default('x')
zz|default
zz|d('y')
zz
zz is defined
zz.a is defined
n.a is defined
m.zz is defined
zz ~ 'x'
n ~ 'x'
zz + 'x'
n + 'x'
1 + 'x'
'x' + 1
1 + 1.5
7 // 2
-7 // 2
7 / 2
7 % 3
-7 % 3
7.5 % 2
2 ** 10
2 ** -1
2 ** 0.5
-i
not l
not e
i and 'x' or 'y'
e or 'z'
1 < 2 < 3
1 < 3 < 2
1 == 1.0
1 == true
'a' == 'a'
'a' < 'b'
1 < 'a'
n == none
zz == none
zz == zz
[1,2] == [1,2]
(1,2) == [1,2]
{'a':1} == {'a':1.0}
[1,2] < [1,3]
1 in l
5 not in l
'H' in s
1 in s
'b' in m
'zz' in m
'a' in n
'a' in zz
[1] in [[1]]
l is sequence
m is mapping
m is sequence
s is string
s is iterable
n is none
n is iterable
i is number
t is number
t is boolean
i is integer
f is float
i is odd
i is divisibleby 7
t is true
t is false
1 is true
i is sameas 7
l is iterable
'a' is in ['a']
'a' is lower
'A' is upper
i is eq 7
f|int
'12'|int
'12x'|int
'12x'|int(5)
'0x1f'|int(0,16)
'1.5'|float
'x'|float(2.5)
f|round
2.567|round(2)
2.5|round(0,'floor')
7|round
-3|abs
l|string
m|string
n|string
t|string
f|string
m|tojson
m|tojson(indent=2)
m|tojson(indent=2, separators=(',',':'))
u|tojson
u|tojson(ensure_ascii=true)
'<a>&'|tojson
[1.0,1e20,1e-7,12345678901234567890]|tojson
{'b':1,'a':2}|tojson(sort_keys=true)
{}|tojson
[]|tojson(indent=2)
{'a':[]}|tojson(indent=2)
{1:2,none:3,true:4}|tojson
'<a>'|e
'<a>'|escape
'<a>'|safe
('<a>'|safe) + '<b>'
'<b>' + ('<a>'|safe)
('<a>'|safe) ~ '<b>'
'a b c'|title
"they're bill's"|title
"x-y z_w"|title
'hELLO'|capitalize
'HELLO'|lower
'hello world foo'|truncate(8)
'hello world foo'|truncate(8, true)
'a\nb\n\nc'|indent
'a\nb\n\nc'|indent(2, true)
'a\nb\n\nc'|indent(2, blank=true)
'a\n'|indent(4, first=true)
'a\nb'|indent('> ')
'abc'|center(9)
'abc'|center(10)
range(5)|list
range(1,10,3)|list
range(5,0,-2)|list
range(3)[1]
dict(a=1,b=2)
dict([('a',1)])
dict({'a':1}, b=2)
namespace(a=1).a
'x' if t
'x' if not t
('x' if not t)|length
('x' if not t) is defined
[x, 1]
{'a': zz}
l[0] if l else 'none'
m.a['c'][4]
"a\tb\u00e9\x41"
'it''s'
'a' 'b'
l.index(1)
l.count(1)
l|tojson|safe
m.copy()
s|upper|lower|trim
true
True
none
None
[true, none, 1]
12345678901234567890123 + 1
1e3
1_000
0x10
0b11
0o17
.5
1.
'\\'
'a"b'
"a'b"
['a"b', "a'b", 'a\'"b']
{'a': {'b': ['c']}}
{'a':1}.a
{'a':1}['a']
{"x": 1, **{}} 
l|list|length
l.append(4)
'abc'|list
'abc'|first
'abc'|last
'abc'[1]
'abc'[-1]
'abc'.0
l.0
l.1
'a,b'.split(',')|last
'%d%%' % 5
'a'|upper ~ 1
1 ~ 2
1 ~ 2.0
none ~ true
(1,2)|join('-')
('a','b') ~ ''
'a' < 'B'
loop
messages|length
messages[0].role
messages[0]['content'][:3]
messages[-1].content
strftime_now('%Y-%m-%d %H:%M:%S %A %B %b %a %j %d %e %-d %I %p %y %%')
strftime_now('%d %b %Y')
'abc'.removeprefix('a')
'abc'.removesuffix('c')
'a-b-c'.partition('-')
'a-b-c'.rpartition('-')
'a\u200bb'|list
'\u200b x \u00a0'.strip()|length
'\u200b x \u00a0\u2003'|trim|length
'İ'.lower()
u|length
u|upper
'%c' % 'a'
'%x' % 255
'%5.1f|' % 2.25
'{0[a]}'.format({'a':1})
'{:>10.3f}'.format(2.5)
'{:e}'.format(12345.678)
f|string ~ i
1.0
1.10
100000000000000000000.0
1e100
123456789.123456789
0.1 + 0.2
1/3
10/2
3.0|int
[1,[2,[3]]]|string
{'a':(1,2)}|string
m|items|list
n|items|list
zz|items|list
l|xmlattr
'a'|nofilter
1234567|filesizeformat
'<p>a  b</p>'|striptags
d|map('upper')|list
l|map('string')|join('+')
l|select|list
objs|map(attribute='v')|select('gt',1)|list
(l|length) > 2 and (l|length) < 5
l|length > 2
not l|length > 2
1 if 0 else 2 if 0 else 3
l[l|length - 1]
l[1] ~ l[2]
l[:zz]
l[n:]
s[0:0]
'é'|tojson
'\u2028'|tojson
'\x7f'|tojson
'\x00'|tojson
'/'|tojson
1.5|tojson
n|tojson
zz|tojson
t|tojson
(1,2)|tojson
range(3)|tojson
l|map('string')|tojson
'a'|tojson ~ 'b'
"{{"
'%}'
""".strip("\n").split("\n")

STATEMENTS = [
    "{% for a in l %}{{ loop.index }}{{ loop.first }}{{ loop.last }}{{ loop.revindex0 }}{{ loop.length }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.cycle('a','b') }}{{ loop.changed(a) }}{{ loop.depth }}{% endfor %}",
    '{% for k, v in m.items() %}{{ k }}={{ v }};{% endfor %}',
    '{% for k in m %}{{ k }}{% endfor %}',
    '{% for a in n %}x{% else %}y{% endfor %}',
    '{% for a in zz %}x{% else %}y{% endfor %}',
    '{% for a in l if a > 1 %}{{ a }}{{ loop.index }}{{ loop.last }}{% endfor %}',
    '{% for a in l recursive %}{{ a }}{% endfor %}',
    '{% for a in l %}{% if a == 1 %}{% continue %}{% endif %}{{ a }}{% if loop.index == 3 %}{% break %}{% endif %}{% endfor %}',
    '{% set ns = namespace(a=1, b=[]) %}{% for x in l %}{% set ns.a = ns.a + x %}{% set ns.b = ns.b + [x] %}{% endfor %}{{ ns.a }}{{ ns.b }}{{ ns.c }}',
    '{% set x = 1 %}{% for a in l %}{% set x = a %}{% endfor %}{{ x }}',
    '{% if true %}{% set y = 5 %}{% endif %}{{ y }}',
    '{% macro f(a, b=2, c=none) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ f(1) }}|{{ f(1, c=3) }}|{{ f(b=1, a=2) }}|{{ f() }}',
    '{% macro f(x) %}[{{ caller() }}{{ x }}]{% endmacro %}{% call f(1) %}body{% endcall %}',
    '{% macro f() %}{{ caller(5) }}{% endmacro %}{% call(z) f() %}<{{ z }}>{% endcall %}',
    '{% macro a(n) %}{% if n > 0 %}{{ n }}{{ a(n - 1) }}{% endif %}{% endmacro %}{{ a(3) }}',
    '{% set g = 1 %}{% macro f() %}{{ g }}{% endmacro %}{% set g = 2 %}{{ f() }}',
    '{% set x %}a{{ i }}b{% endset %}{{ x }}{{ x|length }}',
    '{% set x | upper %}abc{% endset %}{{ x }}',
    '{% filter upper %}abc{{ i }}{% endfilter %}',
    '{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a }}',
    '{% set a, b = 1, 2 %}{{ a }}{{ b }}',
    '{% set a, b = l[:2] %}{{ a }}{{ b }}',
    '{% raw %}{{ x }}{% endraw %}',
    'a\n  {% if true %}\n  b\n  {% endif %}\nc\n',
    'a\n  {%- if true %}\n  b\n  {%- endif -%}\n  c\n\n',
    'a\n  {%+ if true %}\n  b\n  {% endif +%}\nc\n',
    '  {# c #}\nx\n  {#- d -#}  \ny',
    '{{ i }}\n{{ i }}\n',
    '\n\n{{ i }}\n\n',
    "x {{- ' y ' -}} z",
    '{% if i %}\nA\n{% else %}\nB\n{% endif %}\n',
    '{% for a in l -%}\n {{ a }}\n{%- endfor %}\n',
    '{%if i%}a{%endif%}',
    '{{i}}{{ i}}{{i }}',
    "{{ 'a\nb' }}",
    '{% generation %}x{% endgeneration %}',
    "{{ raise_exception('no ' ~ i) }}",
    '{% do l %}{{ 1 }}',
    "{% set _ = m.update({'z': 1}) %}{{ m }}",
    '{% set _ = l.append(1) %}{{ l }}',
    "{{ m.pop('b') }}",
    '{{ x.y.z }}',
    '{{ m.zz.y }}',
    '{{ l.foo }}',
    "{{ 'a'.foo }}",
    '{{ i.foo }}',
    '{{ n.foo }}',
    '{% for a in [1,2] %}{% for b in [3,4] %}{{ loop.index0 }}{{ loop.parent }}{% endfor %}{% endfor %}',
    '{% for a in l %}{% set outer = loop %}{% for b in l %}{{ outer.index }}{% endfor %}{% endfor %}',
    '{% for a, b in [(1,2),(3,4)] %}{{ a }}{{ b }}{% endfor %}',
    "{% for a in 'abc' %}{{ a }}{% endfor %}",
    '{% for a in l|reverse %}{{ a }}{{ loop.length }}{% endfor %}',
    "{% for g in objs[:3]|groupby('k') %}{{ g.grouper }}{{ g.list|length }}{{ g[0] }}{% endfor %}",
    "{% for k, g in objs[:3]|groupby('k') %}{{ k }}{% for o in g %}{{ o.v }}{% endfor %}{% endfor %}",
    "{% if zz %}a{% elif n %}b{% elif e %}c{% elif '' %}d{% elif 0 %}e{% elif {} %}f{% else %}g{% endif %}",
    '{% if not zz is defined %}a{% endif %}{% if zz is not defined %}b{% endif %}',
    "{% if i == 7 and s is string and 'H' in s %}ok{% endif %}",
    '{% if m is mapping and m.b is number %}ok{% endif %}',
    "{% set x = {'a': 1, 'b': {'c': l}} %}{{ x.b.c[0] }}{{ x }}",
    '{% macro f(d) %}{% for k, v in d.items() %}{{ k }}:{% if v is mapping %}{{ f(v) }}{% else %}{{ v }}{% endif %};{% endfor %}{% endmacro %}{{ f(m.a) }}',
    "{% macro f(a) %}x{{ a }}{% endmacro %}{{ f('b')|upper }}{{ f('b') + 'c' }}{{ f('c')|length }}",
    '{% macro f(a) %}  x\n  {% endmacro %}[{{ f(1) }}][{{ f(1)|trim }}]',
    '{% set f = namespace(x=0) %}{% macro inc() %}{% set f.x = f.x + 1 %}{% endmacro %}{{ inc() }}{{ inc() }}{{ f.x }}',
    '{{ \'é\' }}{{ "\\u00e9" }}',
    '{% set messages = messages[1:] %}{{ messages|length }}',
    "{% if messages[0]['role'] == 'system' %}{% set sm = messages[0]['content'] %}{% else %}{% set sm = 'none' %}{% endif %}{{ sm }}",
    '{{ bos_token }}{{ eos_token }}{{ add_generation_prompt }}{{ tools }}{{ documents }}',
    '{%- for m in messages -%}{{ m }}{%- endfor -%}',
    "{% for m in messages %}{{ loop.index0 % 2 == 0 }}{{ m['role'] != 'user' }}{% endfor %}",
    "{{ [1,2,3]|map('string')|join(',') }}{{ (1,2)[0] }}",
    '{# comment {{ x }} #}{{ 1 }}{#- x -#} y',
    "{{ '<' }}{{ '<'|e }}",
    "{% include 'x' ignore missing %}",
    "{{ messages|selectattr('role','equalto','user')|list|length }}",
    "{{ messages|map(attribute='role')|list }}",
    "{{ messages|map(attribute='content')|join('|') }}",
    '{{ (messages|last).role }}',
    "{{ messages|rejectattr('role','eq','user')|first }}",
    "{{ {'type':'object'}|tojson }}{{ {'a':zz}|string }}",
    'line1\n{%- set x = 1 -%}\nline2',
    "{% set x = 'a' %}\n{% set y = 'b' %}\n{{ x }}{{ y }}\n",
    "{{ 'a' if i > 5 else 'b' }}{{ 'a' if zz }}",
    '{%- if i is defined and i is not none and i > 3 %} y {%- endif %} z',
    "{{ [1,2,3][-2:] }}{{ 'abc'[:-1] }}{{ l[0:2] }}",
    '{{ x|default([])|length }}{{ x|default({})|tojson }}',
    "{{ 'a' ~ ('b' if t else 'c') ~ 1.50 }}",
    '{{ 1.50 }} {{ 2.0 * 3 }} {{ 7 * 1.0 }} {{ 1e16 }}',
]
