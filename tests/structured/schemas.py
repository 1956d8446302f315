"""Random JSON schemas from a seed, each with a small instance: the budget that must suffice for any answer."""
import json
import random

KEYS = ["name", "id", "größe", "名前", "a b", "x-y", "quote\"d", "emoji 🙂", "items", "value", "kind", "π"]
WORDS = ["red", "green", "Ünïcode", "два", "三", "a\"b", "line\nend", "back\\slash", "", "🙂", "tab\t"]
PATTERNS = [("^[a-z]{2,5}$", "aa"), ("^[A-Z][0-9]+$", "A0"), ("^(foo|bar)-\\d{2}$", "foo-00"), ("^\\d{3}$", "000"),
            ("^[0-9a-f]{8}$", "00000000"), ("ab", "ab"), ("^[^\\s@]+@x\\.de$", "a@x.de"), ("^#[0-9A-F]{6}$", "#000000"),
            ("^(yes|no)?$", ""), ("^a.c$", "abc")]
FORMATS = [("date", "2024-01-01"), ("date-time", "2024-01-01T00:00:00Z"), ("time", "00:00:00Z"), ("uuid", "0" * 8 + "-0000" * 3 + "-" + "0" * 12),
           ("email", "a@b"), ("ipv4", "0.0.0.0"), ("ipv6", "::"), ("hostname", "a"), ("uri", "a:"), ("duration", "P1D")]


class SchemaMaker:
    """Every method gives a schema and an instance of it."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.definitions: dict = {}
        self.keys = list(KEYS)

    def make(self) -> tuple[dict, object]:
        kind = self.random.choice([self.object, self.object, self.object, self.array, self.any_of, self.reference, self.tree])
        schema, instance = kind(3)
        if self.definitions:
            schema = {**schema, "$defs": self.definitions}
        return schema, instance

    def value(self, depth: int):
        leaves = [self.string, self.string, self.integer, self.number, self.boolean, self.null, self.enum, self.const]
        nested = [self.object, self.array, self.tuple, self.any_of, self.one_of, self.all_of, self.reference, self.anything]
        return self.random.choice(leaves + (nested if depth > 0 else []))(depth)

    def string(self, depth: int):
        choice = self.random.randrange(4)
        if choice == 0:
            pattern, text = self.random.choice(PATTERNS)
            return {"type": "string", "pattern": pattern}, text
        if choice == 1:
            name, text = self.random.choice(FORMATS)
            return {"type": "string", "format": name}, text
        if choice == 2:
            least = self.random.randrange(4)
            return {"type": "string", "minLength": least, "maxLength": least + self.random.randrange(12)}, "a" * least
        return {"type": "string"}, ""

    def integer(self, depth: int):
        low = self.random.randrange(-50, 200)
        high = low + self.random.randrange(0, 1000)
        schema = {"type": "integer"}
        choice = self.random.randrange(5)
        if choice == 0:
            return {**schema, "minimum": low, "maximum": high}, low
        if choice == 1:
            return {**schema, "exclusiveMinimum": low}, low + 1
        if choice == 2:
            return {**schema, "maximum": high}, high
        if choice == 3:
            return {**schema, "multipleOf": self.random.choice([2, 3, 5, 10, 25])}, 0
        return schema, 0

    def number(self, depth: int):
        low = round(self.random.uniform(-20, 20), 2)
        choice = self.random.randrange(4)
        if choice == 0:
            return {"type": "number", "minimum": low, "maximum": low + 10.5}, low
        if choice == 1:
            return {"type": "number", "exclusiveMaximum": low}, low - 1
        if choice == 2:
            return {"type": "number", "minimum": 0}, 0
        return {"type": "number"}, 0

    def boolean(self, depth: int):
        return {"type": "boolean"}, False

    def null(self, depth: int):
        return {"type": ["null", "boolean"]}, None

    def enum(self, depth: int):
        values = self.random.sample([*WORDS, 0, 1.5, -3, True, None, [1, 2], {"k": "v"}], self.random.randrange(1, 5))
        return {"enum": values}, values[0]

    def const(self, depth: int):
        value = self.random.choice([*WORDS, 7, False, ["a", None], {"größe": 1}])
        return {"const": value}, value

    def anything(self, depth: int):
        return self.random.choice([({}, 0), (True, 0), ({"type": ["string", "integer"]}, 0), ({"type": "object"}, {})])

    def array(self, depth: int):
        items, item = self.value(depth - 1)
        least = self.random.randrange(3)
        schema = {"type": "array", "items": items, "minItems": least}
        if self.random.random() < 0.6:
            schema["maxItems"] = least + self.random.randrange(4)
        return schema, [item] * least

    def tuple(self, depth: int):
        parts = [self.value(depth - 1) for _ in range(self.random.randrange(1, 4))]
        schema = {"type": "array", "prefixItems": [p[0] for p in parts], "minItems": len(parts), "items": self.random.choice([False, {"type": "integer"}])}
        return schema, [p[1] for p in parts]

    def object(self, depth: int):
        properties, instance, required = {}, {}, []
        for key in self.random.sample(KEYS, self.random.randrange(0, 5)):
            properties[key], value = self.value(depth - 1)
            if self.random.random() < 0.6:
                required.append(key)
                instance[key] = value
        schema = {"type": "object", "properties": properties, "required": required}
        extra = self.random.randrange(4)
        if extra == 0:
            schema["additionalProperties"] = False
        elif extra == 1:
            schema["additionalProperties"] = self.value(0)[0]
        elif extra == 2 and not properties:
            schema["patternProperties"] = {"^x_[a-z]+$": {"type": "integer"}}
            schema["additionalProperties"] = False
        return schema, instance

    def any_of(self, depth: int):
        parts = [self.value(depth - 1) for _ in range(self.random.randrange(2, 4))]
        return {"anyOf": [p[0] for p in parts]}, parts[0][1]

    def one_of(self, depth: int):
        """Alternatives that a property or the type tells apart."""
        if self.random.random() < 0.5:
            return {"oneOf": [{"type": "string", "maxLength": 5}, {"type": "integer"}, {"type": "null"}]}, 0
        kinds = self.random.sample(["cat", "dog", "fisch", "鳥"], 2)
        options = []
        for kind in kinds:
            schema, _ = self.value(depth - 1)
            options.append({"type": "object", "properties": {"kind": {"const": kind}, "data": schema}, "required": ["kind"], "additionalProperties": False})
        return {"oneOf": options}, {"kind": kinds[0]}

    def all_of(self, depth: int):
        first, value = self.value(depth - 1)
        number, other = self.integer(depth)
        schema = {"allOf": [{"type": "object", "properties": {"first": first}, "required": ["first"]},
                            {"type": "object", "properties": {"second": number}, "required": ["second"]}]}
        return schema, {"first": value, "second": other}

    def reference(self, depth: int):
        name = f"part{len(self.definitions)}"
        self.definitions[name] = {}
        self.definitions[name], instance = self.value(depth - 1)
        return {"$ref": f"#/$defs/{name}"}, instance

    def tree(self, depth: int):
        name = f"node{len(self.definitions)}"
        self.definitions[name] = {}
        label, value = self.value(0)
        self.definitions[name] = {
            "type": "object", "required": ["label"], "additionalProperties": False,
            "properties": {"children": {"type": "array", "items": {"$ref": f"#/$defs/{name}"}}, "label": label}}
        return {"$ref": f"#/$defs/{name}"}, {"label": value}


def make_schema(seed: int) -> tuple[dict, object]:
    return SchemaMaker(seed).make()


def size_of(instance: object) -> int:
    """Tokens that certainly suffice for the instance: its bytes."""
    return len(json.dumps(instance, ensure_ascii=False, separators=(",", ":")).encode())
