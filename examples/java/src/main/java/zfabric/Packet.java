package zfabric;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;

/** A header and its payload, which is a JSON document or null. docs/PROTOCOL.md, section 2, has the keys. */
record Packet(ObjectNode header, JsonNode payload) {
    private static final int LONGEST = 64 << 20; // the broker's --max-payload
    static final ObjectMapper JSON = new ObjectMapper(JsonFactory.builder().streamReadConstraints(
            StreamReadConstraints.builder().maxStringLength(LONGEST).build()).build());

    Packet(String type) {
        this(JSON.createObjectNode().put("packet_type", type), null);
    }

    /** The packet with one more key. */
    Packet with(String key, Object value) {
        header.set(key, JSON.valueToTree(value));
        return this;
    }

    Packet withPayload(Object value) {
        return new Packet(header, JSON.valueToTree(value));
    }

    String type() {
        return text("packet_type");
    }

    /** Null counts as absent. */
    String text(String key) {
        return header.path(key).asText("");
    }

    byte[][] encode() {
        try {
            byte[] first = JSON.writeValueAsBytes(header);
            return payload == null ? new byte[][] {first} : new byte[][] {first, JSON.writeValueAsBytes(payload)};
        } catch (JsonProcessingException problem) {
            throw new UncheckedIOException(problem);
        }
    }

    static Packet decode(byte[] header, byte[] payload) {
        try {
            return new Packet((ObjectNode) JSON.readTree(header),
                    payload == null || payload.length == 0 ? null : JSON.readTree(payload));
        } catch (IOException problem) { // not from a broker
            throw new UncheckedIOException(problem);
        }
    }
}
