package zfabric;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;

/** Whether Jackson reads what the fabric's test vectors say in JSON. Vectors ../../tests/vectors */
public final class Vectors {
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;
    private static final BigInteger LEAST = BigInteger.ONE.shiftLeft(63).negate();
    private static final BigInteger MOST = BigInteger.ONE.shiftLeft(64);
    private static final String TWICE = "json to msgpack: a key twice: the receiver's business"; // a tree keeps the last
    private static int count;
    private static int wrong;

    private Vectors() {}

    private static byte[] octets(JsonNode vector) {
        if (vector.has("hex")) {
            return HexFormat.of().parseHex(vector.get("hex").asText());
        }
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (JsonNode part : vector.get("parts")) {
            for (int n = 0; n < part.get(1).asInt(); n++) {
                all.writeBytes(HexFormat.of().parseHex(part.get(0).asText()));
            }
        }
        return all.toByteArray();
    }

    /** A value as tests/vectors/README.md writes it. An integer beyond the protocol's is a float. */
    private static JsonNode tag(JsonNode value) {
        if (value.isNull() || value.isBoolean()) {
            return value;
        }
        if (value.isTextual()) {
            return NODES.objectNode().set("string", value);
        }
        if (value.isArray()) {
            ArrayNode list = NODES.arrayNode();
            value.forEach(each -> list.add(tag(each)));
            return list;
        }
        if (value.isObject()) {
            ArrayNode pairs = NODES.arrayNode();
            value.fields().forEachRemaining(
                    pair -> pairs.addArray().add(tag(NODES.textNode(pair.getKey()))).add(tag(pair.getValue())));
            return NODES.objectNode().set("map", pairs);
        }
        if (value.isIntegralNumber() && value.bigIntegerValue().compareTo(LEAST) >= 0 && value.bigIntegerValue().compareTo(MOST) < 0) {
            return NODES.objectNode().put("integer", value.bigIntegerValue().toString());
        }
        return NODES.objectNode().put("float", String.format("%016x", Double.doubleToRawLongBits(value.doubleValue())));
    }

    /** Read, and read again after it was written. */
    private static boolean document(JsonNode vector) throws IOException {
        JsonNode value = Packet.JSON.readTree(octets(vector));
        JsonNode again = Packet.JSON.readTree(Packet.JSON.writeValueAsBytes(value));
        return tag(value).equals(vector.get("value")) && tag(again).equals(vector.get("value"));
    }

    private static boolean header(JsonNode vector) throws IOException {
        ObjectNode header = Packet.decode(octets(vector), null).header();
        boolean fine = true;
        for (var means = vector.get("meaning").fields(); means.hasNext();) {
            var wanted = means.next();
            JsonNode value = header.path(wanted.getKey());
            fine &= switch (wanted.getKey()) {
                case "cookie" -> value.asText().replace("-", "").toLowerCase().equals(wanted.getValue().asText());
                case "variables", "result" -> HexFormat.of().formatHex(value.asText().getBytes(StandardCharsets.UTF_8))
                        .equals(wanted.getValue().asText());
                default -> value.isNumber() ? number(value).equals(wanted.getValue().asText()) : value.equals(wanted.getValue());
            };
        }
        return fine;
    }

    /** What is beyond 2^64-1 counts as that. */
    private static String number(JsonNode value) {
        BigInteger most = MOST.subtract(BigInteger.ONE);
        return value.bigIntegerValue().min(most).toString();
    }

    private interface Check {
        boolean fine(JsonNode vector) throws IOException;
    }

    private static void check(JsonNode vector, Check check) {
        count++;
        String problem = "";
        try {
            if (check.fine(vector)) {
                return;
            }
        } catch (IOException | RuntimeException found) {
            problem = ": " + found;
        }
        wrong++;
        System.out.println(vector.get("name").asText() + problem);
    }

    public static void main(String[] arguments) throws IOException {
        for (JsonNode vector : Packet.JSON.readTree(Files.readAllBytes(Path.of(arguments[0], "headers.json")))) {
            if (vector.get("valid").asBoolean() && vector.get("codec").asText().equals("json")) {
                check(vector, Vectors::header);
            }
        }
        for (JsonNode vector : Packet.JSON.readTree(Files.readAllBytes(Path.of(arguments[0], "documents.json")))) {
            if (vector.get("valid").asBoolean() && vector.get("from").asText().equals("json")
                    && !vector.get("name").asText().equals(TWICE)) {
                check(vector, Vectors::document);
            }
        }
        System.out.printf("%d vectors, %d wrong%n", count, wrong);
        System.exit(wrong > 0 || count == 0 ? 1 : 0);
    }
}
