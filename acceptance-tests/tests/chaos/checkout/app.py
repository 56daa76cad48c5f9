"""One instance of the service: answers /health with what the database says.

Arguments: address, port, host of the database. The database is looked for at port 15432 first, where an experiment's proxy listens
while there is one, and at the port in DATABASE_PORT otherwise.
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2

address, port, database = sys.argv[1], int(sys.argv[2]), sys.argv[3]
dsn = (
    f"host={database},{database} port={os.environ['PROXY_PORT']},{os.environ['DATABASE_PORT']} "
    "user=postgres dbname=postgres connect_timeout=2"
)


class Health(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        try:
            with psycopg2.connect(dsn) as connection, connection.cursor() as cursor:
                cursor.execute("SELECT 'up'")
                status, body = 200, cursor.fetchone()[0].encode()
            connection.close()
        except psycopg2.Error as error:
            status, body = 503, str(error).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer((address, port), Health).serve_forever()
