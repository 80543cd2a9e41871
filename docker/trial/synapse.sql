-- Synapse wants the collation C; Postkamer takes any.
CREATE DATABASE synapse TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C';
